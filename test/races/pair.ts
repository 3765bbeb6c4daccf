import type { Sql } from "postgres";
import { createDatabase } from "../postgres/database.ts";
import { makeSnapshots, type Rows, type Snapshots } from "../postgres/snapshots.ts";
import { type BusyWorld, makeBusyWorld } from "./busy-world.ts";
import type { Participant } from "./participants.ts";
import { openSession, type Session, start } from "./two-sessions.ts";
import { withoutWhatDiffers } from "./without-what-differs.ts";

export interface Race {
  sql: Sql;
  url: string;
  world: BusyWorld;
  before: Rows;
  snapshots: Snapshots;
  first: Session;
  second: Session;
}

/** A busy world, as it was before anything happened, and two connections. */
export async function openRace(): Promise<Race> {
  const { sql, url } = await createDatabase();
  const world = await makeBusyWorld(sql);
  const snapshots = await makeSnapshots(sql);
  const [first, second] = [await openSession(url), await openSession(url)];
  return { sql, url, world, snapshots, before: await snapshots.take(), first, second };
}

/** What two participants came to. */
export interface Ending {
  /** What the second waited for, null when it returned while the first one's transaction was open. */
  waitedFor: string | null;
  /** SQLSTATEs, or null. */
  errors: (string | null)[];
  rows: string;
}

/** The first one's transaction stays open until the second one returned or waits for it. */
export async function raceOf(race: Race, one: Participant, other: Participant): Promise<Ending> {
  const { sql, world, first, second } = race;
  await reset(race, one, other);
  await first.begin();
  const errors = [await errorOf(one.run(first.sql, world)), null];
  const late = start(errorOf(other.run(second.sql, world)));
  const waitedFor = await returnedOrWaits(sql, second, late.done);
  errors.push(await errorOf(first.commit()));
  errors[1] = await late.done;
  return { waitedFor, errors, rows: await end(race) };
}

/** One after the other. */
export async function serial(race: Race, one: Participant, other: Participant): Promise<Ending> {
  const { world, first, second } = race;
  await reset(race, one, other);
  const errors = [await errorOf(one.run(first.sql, world)), await errorOf(other.run(second.sql, world))];
  return { waitedFor: null, errors, rows: await end(race) };
}

/** The busy world again, with the breaker open if one of them needs it. */
export async function reset({ sql, before, snapshots }: Race, ...who: Participant[]): Promise<void> {
  await sql.begin(async (on) => {
    await snapshots.clear(on);
    await snapshots.put(on, before);
    if (who.some((one) => one.breaker)) {
      await on`update flex_sync.tenant set breaker_opened_at = flex_sync.clock(), breaker_reason = 'flex_down',
        probe_at = flex_sync.clock() - interval '1 s', probe_wait = '5 s'`;
    }
  });
}

/** SQLSTATE of what a statement raised. */
export async function errorOf(work: Promise<unknown>): Promise<string | null> {
  return work.then(
    () => null,
    (error: { code?: string }) => error.code ?? String(error),
  );
}

/** What a session waits for: a named lock, a row of a table, or a row that somebody inserted. */
export async function returnedOrWaits(
  sql: Sql,
  { pid }: Session,
  done: Promise<unknown>,
): Promise<string | null> {
  const returned = done.then(() => "returned" as const);
  for (;;) {
    const [row] = await sql<{ waits: string | null }[]>`
      select case
        when waiting.locktype = 'advisory' then case
          when (waiting.classid::bigint << 32) | waiting.objid::bigint = hashtextextended('flex_sync budget', 0) then 'budget'
          else 'element' end
        else coalesce((
          select 'row of ' || tuple.relation::regclass::text from pg_locks as tuple
          where tuple.pid = ${pid} and tuple.locktype = 'tuple' and tuple.granted limit 1
        ), 'new row') end as waits
      from pg_locks as waiting
      where waiting.pid = ${pid} and not waiting.granted`;
    if (row) return row.waits;
    if ((await Promise.race([returned, Promise.resolve("not yet")])) === "returned") return null;
  }
}

/** Notes are followed up, and what is due is claimed: then both orders have come to the same. */
async function end({ sql, snapshots, before }: Race): Promise<string> {
  await sql`select flex_sync.tick()`;
  await sql`select flex_sync.claim_operations('the end', 50, '15 s')`;
  return withoutWhatDiffers(await snapshots.take(), before);
}
