import type { Sql } from "postgres";
import postgres from "postgres";
import type { QueryValue } from "../../src/drainer/queue.ts";
import { createDatabase } from "../postgres/database.ts";
import { INVARIANTS } from "./invariants.ts";
import { type Baseline, readBaseline, reset } from "./reset.ts";
import { CLOCK_FROM_SETTINGS, createVirtualTime, type VirtualTime } from "./virtual-time.ts";

/**
 * One database, used by one history after the other, on one connection: what happens at once is decided by whoever
 * orders the statements.
 */
export type Lab = {
  time: VirtualTime;
  /** Run one statement at the next millisecond. */
  run: Run;
  /** Run one statement, and say which rules about the tables do not hold after it. */
  runAndCheck(text: TemplateStringsArray, ...values: QueryValue[]): Promise<Checked>;
  /** The server starts now: what was read before is not trusted any more. */
  restartServer(): void;
  /** The database as it was before the first history, at the beginning of time. */
  reset(seed: number): Promise<void>;
  sql: Sql;
  close(): Promise<void>;
};

export type Run = <T extends object>(text: TemplateStringsArray, ...values: QueryValue[]) => Promise<T[]>;
export type Checked = { rows: readonly object[]; broken: string[] };

export async function makeLab({ autoSync = false } = {}): Promise<Lab> {
  const database = await createDatabase();
  let time = createVirtualTime();
  let startedAt = time.now() - 3_600_000;
  const iso = (ms: number) => new Date(ms).toISOString();
  const connection = {
    "model.now": iso(time.now()),
    "model.started_at": iso(startedAt),
    // The tables stay small: planning anew, or compiling, costs more than it saves.
    plan_cache_mode: "force_generic_plan",
    jit: "off",
  };
  const sql = postgres(database.url, {
    max: 1,
    onnotice: () => {},
    idle_timeout: 0,
    max_lifetime: null,
    connection,
  });
  await sql.unsafe(CLOCK_FROM_SETTINGS + INVARIANTS);
  if (autoSync) await sql`select flex_sync.enable_auto_sync()`;
  const baseline: Baseline = await readBaseline(sql);

  /** Sent ahead of the statement, without waiting for its answer. */
  const moveClock = () => {
    time.moveTo(time.now() + 1);
    return sql.unsafe(`set model.now = '${iso(time.now())}'; set model.started_at = '${iso(startedAt)}'`);
  };

  return {
    time: {
      now: () => time.now(),
      moveTo: (ms) => time.moveTo(ms),
    },
    async run<T extends object>(text: TemplateStringsArray, ...values: QueryValue[]) {
      const [, rows] = await Promise.all([moveClock(), sql(text, ...values)]);
      return rows as unknown as T[];
    },
    async runAndCheck(text, ...values) {
      const [, rows, checked] = await Promise.all([
        moveClock(),
        sql(text, ...values),
        sql<[{ broken: string[] }]>`select model.broken_rules() as broken`,
      ]);
      return { rows, broken: checked[0].broken };
    },
    restartServer() {
      startedAt = time.now();
    },
    async reset(seed) {
      time = createVirtualTime();
      startedAt = time.now() - 3_600_000;
      await reset(sql, baseline, seed);
    },
    sql,
    async close() {
      await sql.end({ timeout: 1 });
      await database.drop();
    },
  };
}
