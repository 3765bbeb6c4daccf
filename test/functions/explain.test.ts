import { expect, test } from "vitest";
import { ana, as, ben, cleo, eva, makeCrewCall, person, unassign } from "../crew-call.ts";
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
