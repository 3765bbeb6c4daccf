import { setTimeout as sleep } from "node:timers/promises";
import type { FlexCaller } from "../flex-caller.ts";
import { type Clocks, mayStillSend, startStopwatch, systemClocks } from "./claim-clock.ts";
import { hopelessError, messageOf } from "./database-error.ts";
import type { Log } from "./log.ts";
import { performOperation } from "./perform-operation.ts";
import type { ClaimedOperation, Queue } from "./queue.ts";
import { createRecordTogether } from "./record-together.ts";
import { createRecorder } from "./recorder.ts";
import { createSendGate } from "./send-gate.ts";
import type { WakeUp } from "./wake-up.ts";

export type DrainerParts = {
  queue: Queue;
  caller: FlexCaller;
  wakeUp: WakeUp;
  log: Log;
  /** Milliseconds after which an HTTP attempt is given up. */
  timeoutMs: number;
  /** Operations that this drainer has in flight at most; the database's max_concurrency counts over all drainers. */
  slots?: number;
  /** How long, after `stop`, outcomes are tried to be recorded, milliseconds. */
  patienceMs?: number;
  clocks?: Clocks;
};

/** What one step found; `more` says that it claimed all it had slots for, so that there may be more. */
export type StepReport = { claimed: number; tidied: number; more: boolean };

/** The daemon without its loop: steps that a test can make one by one. */
export type Drainer = {
  /** Claim what may be sent now and begin it; the rest of the work goes on by itself and wakes the loop when it ends. */
  step(): Promise<StepReport>;
  /** How many operations are in flight here. */
  inFlight(): number;
  /** Claim nothing more, and send nothing that has not begun to leave: it is handed back. */
  stop(): void;
  /** When everything in flight has ended and is recorded, or this many milliseconds have passed. */
  settled(withinMs?: number): Promise<void>;
};

const SLOTS = 30;
/** Notes are followed up at most this often while there is other work, and while there is nothing but work in flight. */
const TICK_EVERY_MS = 250;
const TICK_IN_FLIGHT_MS = 25;
/** How long, after `stop`, outcomes are tried to be recorded. */
export const PATIENCE_MS = 10_000;

export function createDrainer(parts: DrainerParts): Drainer {
  const { queue, caller, wakeUp, log, timeoutMs } = parts;
  const { slots = SLOTS, patienceMs = PATIENCE_MS, clocks = systemClocks } = parts;
  const running = new Set<Promise<void>>();
  let stopping = false;
  let sinceTick: (() => number) | undefined;

  const { record, ...recorder } = createRecorder(log, clocks, patienceMs);
  const recordTogether = createRecordTogether(queue, log);

  async function perform(operation: ClaimedOperation, elapsed: () => number): Promise<void> {
    const gate = createSendGate(() => !stopping && mayStillSend(elapsed(), operation.lease_ms, timeoutMs));
    const about = {
      operation_id: operation.id,
      kind: operation.kind,
      flex_element_id: operation.flex_element_id,
      flex_resource_id: operation.flex_resource_id ?? undefined,
      flex_line_item_id: operation.flex_line_item_id ?? undefined,
    };
    try {
      const report = await performOperation(operation, { queue, caller, record, recordTogether, gate });
      const fields = { ...about, ...report, ms: Math.round(elapsed()) };
      if (report.error === undefined) log.info(fields, operation.kind);
      else log.warn(fields, operation.kind);
    } catch (error) {
      // Its lease ends, and the next drainer reads what became of it.
      const hint = hopelessError(error)?.hint;
      log.error({ ...about, error: messageOf(error), hint }, "an outcome could not be recorded");
    }
  }

  function begin(operation: ClaimedOperation, elapsed: () => number): void {
    const work = perform(operation, elapsed).finally(() => {
      running.delete(work);
      wakeUp.wake();
    });
    running.add(work);
  }

  async function claim(): Promise<number> {
    const free = slots - running.size;
    if (stopping || free <= 0) return 0;
    const elapsed = startStopwatch(clocks);
    const operations = await queue.claimOperations(free);
    for (const operation of operations) begin(operation, elapsed);
    return operations.length;
  }

  async function tick(): Promise<number> {
    const tidied = await queue.tick();
    sinceTick = startStopwatch(clocks);
    return tidied;
  }

  async function probe(): Promise<void> {
    const callNumber = await queue.claimProbe();
    if (callNumber === null) return;
    const user = await caller.currentUser();
    const failure = user.class === "done" ? {} : { http_status: user.status, error: user.error };
    const retry = user.class === "rate_limited" ? { retry_after_ms: user.retryAfterMs } : {};
    await record(() => queue.recordProbe(callNumber, user.class, { ...failure, ...retry }));
    log.info({ outcome: user.class, ...failure }, "probe");
  }

  return {
    async step() {
      const free = slots - running.size;
      let claimed = await claim();
      let tidied = 0;
      const rest = claimed > 0 ? TICK_EVERY_MS : running.size > 0 ? TICK_IN_FLIGHT_MS : 0;
      if (!sinceTick || sinceTick() >= rest) {
        tidied = await tick();
        if (tidied > 0) claimed += await claim();
      }
      if (claimed === 0 && running.size === 0 && !stopping) await probe();
      return { claimed, tidied, more: claimed >= free && claimed > 0 };
    },
    inFlight: () => running.size,
    stop() {
      stopping = true;
      recorder.stop();
      wakeUp.wake();
    },
    async settled(withinMs) {
      const giveUp = new AbortController();
      const late = withinMs === undefined ? [] : [sleep(withinMs, undefined, { signal: giveUp.signal })];
      while (running.size > 0) {
        const all = Promise.all(running).then(() => true);
        if (!(await Promise.race([all, ...late]))) return;
      }
      giveUp.abort();
      await Promise.allSettled(late);
    },
  };
}
