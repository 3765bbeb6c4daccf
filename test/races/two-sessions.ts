import postgres, { type ReservedSql, type Sql } from "postgres";
import { onTestFinished } from "vitest";

/** A connection of one's own, with a transaction that stays open until the test says so. */
export interface Session {
  readonly sql: ReservedSql;
  readonly pid: number;
  begin(): Promise<void>;
  commit(): Promise<void>;
}

export async function openSession(url: string): Promise<Session> {
  const pool = postgres(url, { max: 1, onnotice: () => {} });
  const sql = await pool.reserve();
  const [row] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
  onTestFinished(() => pool.end({ timeout: 1 }));
  return {
    sql,
    pid: row.pid,
    begin: async () => void (await sql`begin`),
    commit: async () => void (await sql`commit`),
  };
}

/** Wait until a session waits for a lock that another one holds. */
export async function untilBlocked(sql: Sql, { pid }: Session): Promise<void> {
  for (;;) {
    const [row] = await sql`select cardinality(pg_blocking_pids(${pid})) > 0 as blocked`;
    if (row?.blocked) return;
  }
}

/** Start a query now, and answer its promise: `postgres` sends a query only when somebody awaits it. */
export function start<T>(query: PromiseLike<T>): { done: Promise<T> } {
  const done = Promise.resolve(query);
  done.catch(() => {});
  return { done };
}
