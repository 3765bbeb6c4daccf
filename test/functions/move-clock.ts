import type { Sql } from "postgres";

const moves = new WeakMap<Sql, string[]>();

/** Move flex_sync.clock() on by an interval such as `31 s`. The server's start stays where it was. */
export async function moveClock(sql: Sql, by: string): Promise<void> {
  const all = [...(moves.get(sql) ?? []), by];
  moves.set(sql, all);
  await replaceClock(sql, `clock_timestamp()${all.map((move) => ` + interval '${move}'`).join("")}`);
  await serverStartedAt(sql, "pg_postmaster_start_time()");
}

/** Move the clock to whatever waits for time, such as the next background reading. */
export async function moveToNextWork(sql: Sql): Promise<void> {
  await sql`select flex_sync.tick()`;
  const [next] = await sql<[{ wait: string }]>`
    select greatest(flex_sync.next_work_at() - flex_sync.clock(), '1 ms')::text as wait`;
  await moveClock(sql, next.wait);
}

/** The server restarts now: what was read before is not trusted any more. */
export async function restartServer(sql: Sql): Promise<void> {
  const [row] = await sql<[{ now: string }]>`select flex_sync.clock()::text as now`;
  await serverStartedAt(sql, `timestamptz '${row.now}'`);
}

async function replaceClock(sql: Sql, now: string): Promise<void> {
  await sql.unsafe(`create or replace function flex_sync.clock() returns timestamptz language sql volatile
    set search_path = pg_catalog, pg_temp as $$ select ${now} $$`);
}

async function serverStartedAt(sql: Sql, at: string): Promise<void> {
  await sql.unsafe(`create or replace function flex_sync.server_started_at() returns timestamptz language sql volatile
    set search_path = pg_catalog, pg_temp as $$ select ${at} $$`);
}
