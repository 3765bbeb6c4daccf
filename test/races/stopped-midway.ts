import { errorOf, type Race, reset, returnedOrWaits } from "./pair.ts";
import type { Participant } from "./participants.ts";
import { type Session, start } from "./two-sessions.ts";

const GATE = 4711;

/** Statements on the tables stop, in the session that says so, after the first that writes a table. */
export async function makeGates({ sql, before, first, second }: Race): Promise<string[]> {
  await sql.unsafe(`
    create schema gates;
    create function gates.stop() returns trigger language plpgsql as $$
      begin
        if current_setting('gates.stop_at', true) = tg_argv[0] then
          perform set_config('gates.stop_at', '', false), pg_advisory_xact_lock(${GATE});
        end if;
        return null;
      end $$;`);
  const tables = Object.keys(before);
  for (const table of tables) {
    await sql.unsafe(`create trigger zz_gate after insert or update or delete on ${table}
      for each statement execute function gates.stop('${table}')`);
  }
  for (const session of [first, second]) await session.sql`set deadlock_timeout = '50ms'`;
  return tables;
}

/**
 * One stops after its first write to a table and goes on once the other has returned or waits for it.
 *
 * @returns SQLSTATEs of both, or null where the first never writes that table
 */
export async function stopAndGoOn(
  race: Race,
  gate: Session,
  one: Participant,
  table: string,
  other: Participant,
): Promise<(string | null)[] | null> {
  const { sql, world, first, second } = race;
  await reset(race, one, other);
  await gate.sql`select pg_advisory_lock(${GATE})`;
  try {
    await first.sql`select set_config('gates.stop_at', ${table}, false)`;
    const stopped = start(errorOf(one.run(first.sql, world)));
    if ((await returnedOrWaits(sql, first, stopped.done)) === null) return null;
    const late = start(errorOf(other.run(second.sql, world)));
    await returnedOrWaits(sql, second, late.done);
    await gate.sql`select pg_advisory_unlock(${GATE})`;
    return [await stopped.done, await late.done];
  } finally {
    await gate.sql`select pg_advisory_unlock_all()`;
    await first.sql`select set_config('gates.stop_at', '', false)`;
  }
}
