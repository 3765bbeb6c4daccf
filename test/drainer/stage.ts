import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { onTestFinished } from "vitest";
import { openDatabase } from "../../src/drainer/database.ts";
import { createDrainer, type Drainer, type DrainerParts } from "../../src/drainer/drainer.ts";
import { silentLog } from "../../src/drainer/log.ts";
import { type DrainObserver, observedCaller, observedQueue } from "../../src/drainer/observer.ts";
import { createQueue, type Queue } from "../../src/drainer/queue.ts";
import { createWakeUp, type WakeUp } from "../../src/drainer/wake-up.ts";
import { createFlexCaller } from "../../src/flex-caller.ts";
import type { CrewCallPlan } from "../../src/rows.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../src/simulator/simulator.ts";
import { assign, type Person } from "../crew-call.ts";
import { moveClock } from "../functions/move-clock.ts";
import { createDatabase } from "../postgres/database.ts";

/** A crew call of a job, and its element in the simulator. */
export type StagedCall = { id: string; job: string; department: "sound"; element: string };

/** A drainer that a test moves step by step. */
export type Stepper = Drainer & { queue: Queue; wakeUp: WakeUp };

/** A database and a simulated Flex, with drainers between them. */
export type Stage = {
  sql: Sql;
  url: string;
  flex: Simulator;
  /** A drainer of its own; it ends with the test. */
  drainer(options?: Partial<DrainerParts> & { baseUrl?: string; observer?: DrainObserver }): Stepper;
  makeCrewCall(desired: Person[]): Promise<StagedCall>;
  sync(call: StagedCall): Promise<CrewCallPlan>;
  /** Ask for a sync, and drain until it is over. */
  syncAndDrain(call: StagedCall, drainer: Stepper): Promise<void>;
  /** The rows of the outbox that are about somebody, the newest last. */
  operations(kind?: string): Promise<StagedOperation[]>;
  conditionOf(call: StagedCall): Promise<{ condition: string; reason: string | null }>;
  /** Who is recorded, as line ids by technician. */
  recorded(call: StagedCall): Promise<Record<string, string>>;
};

export type StagedOperation = {
  id: string;
  kind: string;
  state: string;
  reason: string | null;
  attempts: number;
  http_status: number | null;
  error: string | null;
  flex_resource_id: string | null;
};

/** Longer than any answer takes on a busy machine; a test in which Flex is silent gives a shorter one. */
const TIMEOUT_MS = 10_000;

export async function setStage(simulator: SimulatorOptions = {}): Promise<Stage> {
  const [{ sql, url }, flex] = await Promise.all([createDatabase(), startSimulator(simulator)]);
  onTestFinished(() => flex.stop());
  const stage: Stage = {
    sql,
    url,
    flex,
    drainer({ baseUrl = flex.baseUrl, timeoutMs = TIMEOUT_MS, observer, ...parts } = {}) {
      const plainCaller = createFlexCaller({ baseUrl, token: flex.token, timeoutMs });
      const caller = observer ? observedCaller(plainCaller, observer) : plainCaller;
      const database = openDatabase(url);
      const plainQueue = createQueue(database.query, "test", timeoutMs);
      const queue = observer ? observedQueue(plainQueue, observer) : plainQueue;
      const wakeUp = createWakeUp();
      const drainer = createDrainer({ queue, caller, wakeUp, log: silentLog, timeoutMs, ...parts });
      onTestFinished(async () => {
        drainer.stop();
        await drainer.settled();
        await caller.close();
        await database.close();
      });
      return { ...drainer, queue, wakeUp };
    },
    async makeCrewCall(desired) {
      const call: StagedCall = {
        id: randomUUID(),
        job: randomUUID(),
        department: "sound",
        element: randomUUID(),
      };
      flex.addElement(call.element);
      await sql`insert into jobs (id) values (${call.job})`;
      await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id)
        values (${call.id}, ${call.job}, ${call.department}, ${call.element})`;
      await assign(sql, call, desired);
      return call;
    },
    async sync(call) {
      const [row] = await sql<[{ plan: CrewCallPlan }]>`select sync_crew_call(${call.id}) as plan`;
      return row.plan;
    },
    async syncAndDrain(call, drainer) {
      await stage.sync(call);
      await drainUntilRest(drainer);
    },
    async operations(kind = "add") {
      return sql<StagedOperation[]>`
        select id::text, kind, state, reason, attempts, http_status, error, flex_resource_id
        from flex_sync.outbox where kind = ${kind} order by id`;
    },
    async conditionOf(call) {
      const [row] = await sql<[{ condition: string; reason: string | null }]>`
        select condition, reason from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
      return { ...row };
    },
    async recorded(call) {
      const rows = await sql<{ technician_id: string; flex_line_item_id: string }[]>`
        select technician_id, flex_line_item_id::text from flex_crew_assignments where crew_call_id = ${call.id}`;
      return Object.fromEntries(rows.map((row) => [row.technician_id, row.flex_line_item_id]));
    },
  };
  return stage;
}

/** Step until nothing is claimed, in flight or tidied: whatever is left waits for time to pass. */
export async function drainUntilRest(drainer: Stepper): Promise<void> {
  for (let steps = 0; steps < 1_000; steps += 1) {
    const { claimed, tidied } = await drainer.step();
    if (drainer.inFlight() > 0) await drainer.wakeUp.sleep(1_000);
    else if (claimed === 0 && tidied === 0) return;
  }
  throw new Error("the drainer never came to rest");
}

/** Drain, and move the database's clock to whatever waits for time, until nothing waits within ten minutes. */
export async function drainToTheEnd(stage: Stage, drainer: Stepper): Promise<void> {
  for (let waits = 0; waits < 100; waits += 1) {
    await drainUntilRest(drainer);
    if (!(await moveToNextWork(stage))) return;
  }
  throw new Error("something always waits for time to pass");
}

/** Move the database's clock to what falls due next, if that is within ten minutes. */
export async function moveToNextWork({ sql }: Stage): Promise<boolean> {
  const [next] = await sql<{ wait: string }[]>`
    select greatest(at - flex_sync.clock(), interval '1 ms')::text as wait
    from flex_sync.next_work_at() as at
    where at < flex_sync.clock() + interval '10 min'`;
  if (!next) return false;
  await moveClock(sql, next.wait);
  return true;
}

/** The resources on an element in Flex, sorted: a person who is there twice shows twice. */
export function crewInFlex({ flex }: Stage, { element }: StagedCall): (string | null)[] {
  return flex
    .contactLinesOf(element)
    .map((line) => line.resourceId)
    .sort();
}
