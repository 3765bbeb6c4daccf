import type { Sql } from "postgres";
import { whatIsWrong } from "../model-over-http/oracle.ts";
import { call, expected } from "./crew.ts";
import type { World } from "./world.ts";

/** What is not exactly right in the tables and in Flex, in words; nothing when the crew call is in sync. */
export async function whatIsNotRight({
  sql,
  url,
  flex,
}: Pick<World, "sql" | "url" | "flex">): Promise<string[]> {
  const wrong = await whatIsWrong({
    sql,
    url,
    flex,
    crewCall: call.id,
    element: call.element,
    humanDeletions: [],
  });
  const lines = flex.contactLinesOf(call.element);
  for (const { resource, role } of expected) {
    const theirs = lines.filter((line) => line.resourceId === resource);
    if (theirs.length !== 1) wrong.push(`resource ${resource} has ${theirs.length} lines`);
    if (role !== null && theirs[0]?.roleId !== role) wrong.push(`resource ${resource} lacks role ${role}`);
  }
  if (lines.length !== expected.length) wrong.push(`there are ${lines.length} contact lines`);
  return wrong;
}

/** Locks and transactions that somebody left behind in a database where nobody works. */
export async function whatIsLeftLocked(sql: Sql): Promise<string[]> {
  const left = await sql<{ state: string; locks: number; query: string }[]>`
    select activity.state, (select count(*)::int from pg_locks where pg_locks.pid = activity.pid) as locks, activity.query
    from pg_stat_activity as activity
    where activity.datname = current_database()
      and activity.pid <> pg_backend_pid()
      and (
        activity.state like 'idle in transaction%'
        or exists (select from pg_locks where pg_locks.pid = activity.pid and pg_locks.locktype = 'advisory')
      )`;
  return left.map(
    ({ state, locks, query }) => `${locks} locks are left by a connection that is ${state}: ${query}`,
  );
}
