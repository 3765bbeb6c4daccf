import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { ana, as, assign, ben, type CrewCall, cleo, dan, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { request, sync } from "./asking.ts";
import { answer, claim } from "./drain-with.ts";

/** What it says of an element, null where it leaves that to plan_element; and what plan_element says without its help. */
async function plansOf(sql: Sql, { element }: CrewCall) {
  const [quick] = await sql`
    select plan is null as left_over, array(select kept::text from unnest(plan) as kept order by 1) as rows
    from flex_sync.plan_if_in_sync(${element}) as plan`;
  const transaction = await sql.reserve();
  await transaction`begin`;
  await transaction`create or replace function flex_sync.plan_if_in_sync(flex_element_id text)
    returns flex_sync.planned[] language sql as 'select null::flex_sync.planned[]'`;
  const [workedOut] = await transaction`
    select array(select planned::text from flex_sync.plan_element(${element}) as planned order by 1) as rows`;
  await transaction`rollback`;
  transaction.release();
  return { inSync: quick?.left_over ? null : quick?.rows, workedOut: workedOut?.rows };
}

const ROLE = "cccccccc-0000-4000-8000-000000000001";
const anaWithRole = as(ana, "FOH-R");

/** Ana, with a role, and Ben are where they should be: Ana by our hand, Ben by a person's. */
async function inSync() {
  const { sql } = await createDatabase();
  await sql`insert into flex_sync.business_roles values ('sound', 'R', ${ROLE})`;
  const call = await makeCrewCall(sql, { desired: [anaWithRole, ben], inFlex: [ben] });
  await sync(sql, call);
  return { sql, call };
}

const anasLine = ({ flex, element }: CrewCall) => {
  const line = flex.linesOf(element).find(({ flex_resource_id }) => flex_resource_id === ana.resource);
  return line?.flex_line_item_id ?? "";
};

/** A reading as somebody asks for it, and nothing after it. */
async function readAgain(sql: Sql, call: CrewCall) {
  await request(sql, call);
  for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
}

test.each<[string, (sql: Sql, call: CrewCall) => Promise<unknown>]>([
  ["everybody is where they should be", async () => {}],
  [
    "lines without a resource are there too",
    async (sql, call) => {
      call.flex.add(call.element, null, { name: "Load in 8:00" });
      await readAgain(sql, call);
    },
  ],
  [
    "rows do not show roles, and ours was written",
    async (sql, call) => {
      call.flex.roles = "hidden";
      await readAgain(sql, call);
    },
  ],
  [
    "another crew call on the element desires somebody else",
    async (sql, call) => {
      await makeCrewCall(sql, { element: call.element, flex: call.flex, desired: [cleo] });
      await sync(sql, call);
    },
  ],
  [
    "nobody is desired and no line is left",
    async (sql, call) => {
      await unassign(sql, call, [ana, ben]);
      await sync(sql, call);
      call.flex.remove(call.element, call.lineOf(ben));
      await sync(sql, call);
    },
  ],
])("says what would be worked out where %s", async (_, arrange) => {
  const { sql, call } = await inSync();
  await arrange(sql, call);

  const { inSync: said, workedOut } = await plansOf(sql, call);

  expect(said).not.toBeNull();
  expect(said).toEqual(workedOut);
});

test.each<[string, (sql: Sql, call: CrewCall) => Promise<unknown>]>([
  ["somebody is to be added", (sql, call) => assign(sql, call, [cleo])],
  ["somebody is to go", (sql, call) => unassign(sql, call, [ana])],
  [
    "somebody changes places with somebody",
    async (sql, call) => {
      await unassign(sql, call, [ana]);
      await assign(sql, call, [cleo]);
    },
  ],
  [
    "somebody has two lines",
    async (sql, call) => {
      call.flex.add(call.element, ana.resource);
      await readAgain(sql, call);
    },
  ],
  [
    "a line that nobody wants has another resource",
    async (sql, call) => {
      call.flex.add(call.element, dan.resource);
      await readAgain(sql, call);
    },
  ],
  [
    "two lines stand for one of two people",
    (sql, call) => {
      return sql`update flex_sync.lines set flex_resource_id = ${ben.resource} where flex_line_item_id = ${anasLine(call)}`;
    },
  ],
  [
    "two people share a resource",
    async (sql, call) => {
      await assign(sql, call, [{ ...cleo, resource: ana.resource }]);
      await sync(sql, call);
    },
  ],
  [
    "two crew calls want the same person",
    async (sql, call) => {
      await makeCrewCall(sql, { element: call.element, flex: call.flex, desired: [ana] });
      await sync(sql, call);
    },
  ],
  [
    "somebody has no resource",
    async (sql, call) => {
      await assign(sql, call, [{ ...cleo, resource: null }]);
      await sync(sql, call);
    },
  ],
  [
    "a role is another one",
    async (sql) => {
      await sql`update flex_sync.business_roles set flex_role_id = 'cccccccc-0000-4000-8000-000000000002'`;
    },
  ],
  [
    "a role was changed in Flex",
    async (sql, call) => {
      call.flex.setRole(call.element, anasLine(call), "dddddddd-0000-4000-8000-000000000001");
      await readAgain(sql, call);
    },
  ],
  [
    "a line is missing in one reading, and another one of the same person is there",
    async (sql, call) => {
      call.flex.remove(call.element, call.lineOf(ben));
      call.flex.add(call.element, ben.resource);
      await readAgain(sql, call);
    },
  ],
  [
    "a line is missing in one reading",
    async (sql, call) => {
      call.flex.remove(call.element, anasLine(call));
      await readAgain(sql, call);
    },
  ],
  [
    "a write was refused",
    async (sql, call) => {
      await assign(sql, call, [cleo]);
      await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "refused", status: 400 } : undefined));
    },
  ],
  [
    "an operation is open that nobody wants any more",
    async (sql, call) => {
      await assign(sql, call, [cleo]);
      await request(sql, call);
      await unassign(sql, call, [cleo]);
    },
  ],
  [
    "nothing was read yet",
    async (sql) => {
      await sql`update flex_sync.elements set reading_at = null`;
    },
  ],
])("leaves it to be worked out where %s", async (_, arrange) => {
  const { sql, call } = await inSync();
  await arrange(sql, call);

  expect((await plansOf(sql, call)).inSync).toBeNull();
});
