import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { ana, as, ben, type CrewCall, cleo, eva, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { sync } from "./asking.ts";

test("explain tells the plan in words", async () => {
  const { sql } = await createDatabase();
  await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r')`;
  const strangers = [11, 12, 13, 14].map(person);
  const call = await makeCrewCall(sql, {
    desired: [ana, ben, cleo, { ...eva, resource: null }],
    inFlex: strangers,
  });
  const explain = async () => (await sql`select flex_sync.explain(${call.id}) as text`)[0]?.text as string;
  expect(await explain()).toContain("never read");
  await sync(sql, call, ({ kind, flex_resource_id }) =>
    kind === "add" && flex_resource_id === ben.resource ? { outcome: "refused", status: 400 } : undefined,
  );
  await unassign(sql, call, [cleo]);
  await sql`update job_assignments set sound_role = 'FOH-R' where technician_id = ${as(ana, "").id}`;
  const text = await explain();
  for (const [verb, subject] of [
    ["keep", ana.id],
    ["set role", "role-r"],
    ["wait", ben.id],
    ["remove", cleo.id],
    ["unmapped", eva.id],
    ["hold", call.lineOf(person(11))],
  ])
    expect(text).toMatch(new RegExp(`${verb} .*${subject}`));
  expect(text).toContain("Next: ");
});

test("explain refuses an unknown crew call, and explains one without an element", async () => {
  const { sql } = await createDatabase();
  await expect(sql`select flex_sync.explain(gen_random_uuid())`).rejects.toMatchObject({ code: "NOCAL" });
  const call = await makeCrewCall(sql, { element: "junk" });
  const [row] = await sql`select flex_sync.explain(${call.id}) as text`;
  expect(row?.text).toContain("blocked");
});

test("explain tells a crew call without a department from one that is retired", async () => {
  const { sql } = await createDatabase();
  await sql`alter table flex_crew_calls alter column department drop not null`;
  const call = await makeCrewCall(sql, { recorded: [ana], inFlex: [ana] });
  await sql`update flex_crew_calls set department = null`;
  expect(await explained(sql, call)).toContain(`${call.id} (no department)`);
  await sql`delete from flex_crew_calls`;
  await sql`select flex_sync.tick()`;
  expect(await explained(sql, call)).toContain(`${call.id} (retired)`);
});

const explained = async (sql: Sql, call: Pick<CrewCall, "id">, massRemoval = false) =>
  (await sql`select flex_sync.explain(${call.id}, ${massRemoval}) as text`)[0]?.text as string;

test("explains the plan of a request that lifts the brakes", async () => {
  const { sql } = await createDatabase();
  const crew = [1, 2, 3, 4, 5, 6, 7].map(person);
  const call = await makeCrewCall(sql, { recorded: crew, inFlex: crew });
  await sync(sql, call);
  const lines = (text: string, verb: string) =>
    text.split("\n").filter((line) => line.trim().startsWith(verb)).length;
  const [held, lifted] = [await explained(sql, call), await explained(sql, call, true)];
  expect([lines(held, "hold"), lines(held, "remove")]).toEqual([7, 0]);
  expect([lines(lifted, "hold"), lines(lifted, "remove")]).toEqual([0, 7]);
});

test("explain calls people by the names that the host has", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben] });
  await sql`alter table profiles add column first_name text, add column last_name text`;
  await sql`update profiles set first_name = 'Ana', last_name = 'Ruiz' where id = ${ana.id}`;
  expect(await explained(sql, call)).toContain(`Ana Ruiz ${ana.id}`);
  expect(await explained(sql, call)).toMatch(new RegExp(`add +${ben.id}`));
  await sql`alter table profiles drop column first_name, drop column last_name, add column full_name text`;
  await sql`update profiles set full_name = 'Ana Ruiz Soto' where id = ${ana.id}`;
  expect(await explained(sql, call)).toContain(`Ana Ruiz Soto ${ana.id}`);
});

test.each([
  ["waits for a drainer", (sql: Sql) => sql`select`],
  ["ago: lunch", (sql: Sql) => sql`select flex_sync.pause('lunch')`],
  ["a limit in flex_sync.settings is 0", (sql: Sql) => sql`update flex_sync.settings set monthly_limit = 0`],
  [
    "Flex fails since",
    (sql: Sql) =>
      sql`update flex_sync.tenant set breaker_opened_at = now(), breaker_reason = 'flex_down', probe_at = now()`,
  ],
  [
    'column "nothing" does not exist',
    (sql: Sql) =>
      sql`create or replace function public.nothing() returns uuid language plpgsql as 'begin return nothing; end';
      create or replace view flex_sync.desired_crew as
        select nothing() as crew_call_id, gen_random_uuid() as technician_id, null::text as flex_resource_id, null::text as role_code`.simple(),
  ],
])("explain says what stands in the way: %s", async (sentence, happen) => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sql`select sync_crew_call(${call.id})`;
  await happen(sql);
  expect(await explained(sql, call)).toContain(sentence);
});
