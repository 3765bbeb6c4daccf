import { expect, test } from "vitest";
import { ana, ben, makeCrewCall } from "../crew-call.ts";
import { FUNCTIONS } from "../denials/matrix.ts";
import { createDatabase } from "../postgres/database.ts";

/** What reads no table, the host's hook, and what runs once in a while. */
const NOT_WORTH_IT = ["may_sync", "is_flex_id", "clock", "ago", "enable_auto_sync", "disable_auto_sync"];

test("whatever is called from outside, and each trigger, runs without compiling its statements", async () => {
  const { sql } = await createDatabase();
  const called = [...FUNCTIONS].flatMap(([name, roles]) => (roles.length > 0 ? [name] : []));

  const compiling = await sql<{ name: string }[]>`
    select pg_proc.proname as name
    from pg_proc
    where (pg_proc.pronamespace = 'flex_sync'::regnamespace or pg_proc.proname in ('sync_crew_call', 'sync_crew_for_job'))
      and (pg_proc.proname = any (${called}) or pg_proc.prorettype = 'trigger'::regtype)
      and not 'jit=off' = any (coalesce(pg_proc.proconfig, '{}'))
    order by 1`;

  expect(compiling.map(({ name }) => name).filter((name) => !NOT_WORTH_IT.includes(name))).toEqual([]);
});

test("asking for the people of one crew call looks too cheap to compile, in whatever session", async () => {
  const { sql } = await createDatabase();
  const { id } = await makeCrewCall(sql, { desired: [ana, ben] });
  await sql`analyze flex_crew_calls`;

  const [row] =
    await sql`explain (format json) select * from flex_sync.crew_status where crew_call_id = ${id}`;
  const [setting] = await sql`select boot_val::float as cost from pg_settings where name = 'jit_above_cost'`;

  expect(row?.["QUERY PLAN"][0].Plan["Total Cost"]).toBeLessThan(setting?.cost);
});
