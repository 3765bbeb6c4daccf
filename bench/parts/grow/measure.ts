import { setTimeout as sleep } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import { crewCallOf, makeCrewCalls, queueAdds } from "../../harness/crew-calls.ts";
import type { FastFlex } from "../../harness/fast-flex.ts";
import { check } from "../../harness/part.ts";
import type { BenchDatabase } from "../../harness/postgres.ts";
import { startDaemons } from "../../harness/processes.ts";
import { seasonCrewCallOf } from "../../harness/season.ts";
import { median, now } from "../../harness/statistics.ts";
import { askFor } from "../decide/calls.ts";
import { MEASURED } from "./states.ts";

/** The same figures in each state, one value a round. */
export const METRICS = {
  nothing: "sync_crew_call, nothing to do",
  everything: "sync_crew_call, everything to do",
  claim: "claim_operations, 8 at once",
  operation: "an operation, drained by one daemon",
} as const;
export type Metric = keyof typeof METRICS;

export type Effort = { rounds: number; calls: number; adds: number };
const PEOPLE = 20;

/**
 * Milliseconds of each metric, once. What asks and claims is rolled back, so that the state stays as it is.
 *
 * @param from the first number of a crew call that nobody uses
 * @param refill whether operations have to be queued; where many wait already, these are drained
 * @returns the values, and the next free number
 */
export async function measureOnce(
  database: BenchDatabase,
  flex: FastFlex,
  { calls, adds }: Effort,
  { from, refill }: { from: number; refill: boolean },
): Promise<{ values: Record<Metric, number>; next: number }> {
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  await makeCrewCalls(database.sql, { from, count: 1, people: 40, roles: true });
  const anyone = () => seasonCrewCallOf(1 + Math.floor(Math.random() * MEASURED));
  const nothing = await inRolledBack(sql, calls, (tx) => askFor(tx, anyone(), "nothing", 40));
  const everything = await inRolledBack(sql, calls, (tx) => askFor(tx, crewCallOf(from), "everything", 40));
  const next = refill ? await fillQueue(database.sql, from + 1, adds) : from + 1;
  const claimed = await inRolledBack(sql, calls, claim);
  await sql.end();
  const operation = await drain(database, flex, adds);
  return { values: { nothing, everything, claim: claimed, operation }, next };
}

/** Adds of new crew calls, ready to be claimed. @returns the next free number of a crew call */
export async function fillQueue(sql: Sql, from: number, adds: number): Promise<number> {
  const crewCalls = { from, count: adds / PEOPLE, people: PEOPLE };
  await makeCrewCalls(sql, crewCalls);
  await queueAdds(sql, crewCalls);
  return from + crewCalls.count;
}

async function inRolledBack(sql: Sql, calls: number, timed: (tx: Sql) => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let call = -2; call < calls; call += 1) {
    const undone = new Error("rolled back");
    let ms = 0;
    await sql
      .begin(async (tx) => {
        ms = await timed(tx as unknown as Sql);
        throw undone;
      })
      .catch((error: unknown) => {
        if (error !== undone) throw error;
      });
    if (call >= 0) times.push(ms);
  }
  return median(times);
}

async function claim(tx: Sql): Promise<number> {
  const began = now();
  const rows = await tx`select id, kind from flex_sync.claim_operations('bench', 8, interval '15 s')`;
  const ms = now() - began;
  check(
    rows.length === 8 && rows.every(({ kind }) => kind === "add"),
    `${rows.length} operations were claimed`,
  );
  return ms;
}

/** @returns milliseconds an operation, while one daemon drains so many of them */
export async function drain({ url, sql }: BenchDatabase, flex: FastFlex, adds: number): Promise<number> {
  await flex.reset();
  await sql`select flex_sync.pause('until the daemon is ready')`;
  const [daemon] = await startDaemons(1, { databaseUrl: url, flexBaseUrl: flex.baseUrl });
  const before = await countDone(sql);
  await sql`select flex_sync.resume()`;
  const [from, to] = [Math.floor(adds * 0.1), Math.floor(adds * 0.95)];
  const [begin = 0, end = 0] = await flex.arrived(adds, [from, to]);
  await daemon?.stop();
  // What the daemon had begun beyond that is recorded before it ends.
  await sleep(10);
  const [done, made] = [(await countDone(sql)) - before, await flex.count()];
  check(done === made, `${made} calls were made and ${done} operations are done`);
  return (end - begin) / (to - from);
}

async function countDone(sql: Sql): Promise<number> {
  const [row] = await sql<[{ done: number }]>`
    select count(*)::int as done from flex_sync.outbox where state = 'done'`;
  return row.done;
}
