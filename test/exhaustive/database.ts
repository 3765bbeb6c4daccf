import type { ReservedSql } from "postgres";
import { makeSnapshots, type Rows } from "../postgres/snapshots.ts";
import { CREW_CALL, ELEMENT, JOB, PERSON, RESOURCE, SETTINGS, timestamp } from "./state.ts";

/** The real functions on a real Postgres, put into any state within a transaction that is rolled back. */
export interface ExploredDatabase {
  /** What the tables hold now. */
  rows(): Promise<Rows>;
  /** Put the tables into a state and do something with them, several times; nothing of it stays. */
  from(rows: Rows, act: (attempt: Attempt) => Promise<void>): Promise<void>;
}

/** One action on its own: the clock stands at `now`, `statements` run as in transactions of their own, nothing stays. */
export type Attempt = (now: number, statements: Statement[]) => Promise<{ results: Answer[]; rows: Rows }>;

export type Answer = Record<string, unknown>[];

/** A statement, still to be bound to the connection. */
export type Statement = (sql: ReservedSql) => Promise<Answer>;

/**
 * Make the one crew call of one person, and let the clock stand where a test says. The tables start empty, so that a
 * state is put in by inserting.
 */
export async function openExploredDatabase(sql: ReservedSql): Promise<ExploredDatabase> {
  await sql`set timezone = 'UTC'`;
  await holdClock(sql);
  await sql`insert into jobs (id) values (${JOB})`;
  await sql`insert into profiles (id, flex_resource_id) values (${PERSON}, ${RESOURCE})`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id) values (${CREW_CALL}, ${JOB}, 'sound', ${ELEMENT})`;
  await sql`update flex_sync.settings set lease = ${`${SETTINGS.lease} s`}::interval, late_landing = ${`${SETTINGS.lateLanding} s`}::interval,
    confirm_after = ${`${SETTINGS.confirmAfter} s`}::interval, max_reading_age = ${`${SETTINGS.maxReadingAge} s`}::interval`;
  const snapshots = await makeSnapshots(sql);
  const first = await snapshots.take();
  await snapshots.clear(sql);

  return {
    rows: async () => first,
    async from(rows, act) {
      await sql`begin`;
      try {
        await snapshots.put(sql, rows);
        await act(async (now, statements) => {
          const sent = [
            sql`savepoint before`,
            sql`select exploration.at(${timestamp(now)})`,
            ...statements.map((statement) => statement(sql)),
            sql`select snapshots.take() as rows`,
          ];
          try {
            const answers = (await Promise.all(sent)) as Answer[];
            return { results: answers.slice(2, -1), rows: answers.at(-1)?.[0]?.rows as Rows };
          } finally {
            await Promise.allSettled(sent);
            await sql`rollback to savepoint before`;
          }
        });
      } finally {
        await sql`rollback`;
      }
    },
  };
}

/** The clock says what it was told, and a microsecond more each time it is asked. Backoff has no jitter. */
async function holdClock(sql: ReservedSql): Promise<void> {
  await sql.unsafe(`
    create schema exploration;
    create sequence exploration.asked;
    create function exploration.at(now text) returns void language plpgsql as $$
      begin perform set_config('exploration.now', now, true), setval('exploration.asked', 1, false); end $$;
    create or replace function flex_sync.clock() returns timestamptz language plpgsql volatile as $$
      begin return current_setting('exploration.now')::timestamptz + nextval('exploration.asked') * interval '1 us'; end $$;
    create or replace function flex_sync.server_started_at() returns timestamptz language sql volatile
      as $$ select timestamptz '2000-01-01 00:00+00' $$;
    create or replace function flex_sync.backoff(failures int) returns interval language sql immutable
      as $$ select least(power(2, greatest(least(failures, 10), 1) - 1), 60) * interval '1 s' $$;`);
}
