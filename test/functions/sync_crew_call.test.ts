import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, as, assign, ben, cleo, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, dryRun, operations, request, sync } from "./asking.ts";
import { claim, drainWith } from "./drain-with.ts";

describe("the answer of sync_crew_call", () => {
  test("says before the first reading what desired and recorded alone tell", async () => {
    const { sql } = await createDatabase();
    const nobody = { ...cleo, resource: null };
    const call = await makeCrewCall(sql, { desired: [ana, ben, nobody], recorded: [ana, person(9)] });
    const answer = await request(sql, call);
    expect(answer).toEqual({
      crew_call_id: call.id,
      flex_element_id: call.element,
      sync_id: expect.any(Number),
      condition: "pending",
      observed_at: null,
      stale: null,
      held: null,
      plan: null,
      to_add: [{ technician_id: ben.id, flex_resource_id: ben.resource }],
      to_remove: [
        { technician_id: person(9).id, flex_line_item_id: call.lineOf(person(9)), reason: "undesired" },
      ],
      to_set_role: [],
      kept: 1,
      unmapped: [{ technician_id: cleo.id, reason: "no_resource" }],
    });
  });

  test("says after a reading what that reading showed", async () => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r')`;
    const call = await makeCrewCall(sql, { desired: [ana], inFlex: [ana, person(9)] });
    await sql`update flex_sync.settings set policy = 'add_only'`;
    await sync(sql, call);
    await sql`update flex_sync.settings set policy = 'mirror'`;
    await assign(sql, call, [as(ana, "SND-FOH-R"), ben, { ...cleo, resource: "junk" }]);
    const answer = await request(sql, call);
    expect(answer).toMatchObject({
      observed_at: expect.any(String),
      stale: [],
      held: [],
      plan: null,
      to_add: [{ technician_id: ben.id, flex_resource_id: ben.resource }],
      to_remove: [{ technician_id: null, flex_line_item_id: call.lineOf(person(9)), reason: "foreign" }],
      to_set_role: [{ technician_id: ana.id, flex_role_id: "role-r" }],
      kept: 1,
      unmapped: [{ technician_id: cleo.id, reason: "malformed_id" }],
    });
    const [row] = await sql`select reading_at from flex_sync.elements`;
    expect(new Date(answer.observed_at ?? 0)).toEqual(row?.reading_at);
  });

  test("of a dry run equals that of the real call, and nothing is written", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, cleo], inFlex: [ana] });
    const dry = await sql.begin("read only", async (tx) => {
      const [row] = await tx`select sync_crew_call(${call.id}, true) as answer`;
      return row?.answer;
    });
    expect(dry.sync_id).toBeNull();
    const real = await request(sql, call);
    expect({ ...real, sync_id: null, condition: "" }).toEqual({ ...dry, condition: "" });
  });

  test("of a dry run equals that of the real call with stale and held lines", async () => {
    const { sql } = await createDatabase();
    const strangers = [11, 12, 13, 14].map(person);
    const call = await makeCrewCall(sql, { desired: [ana, ben], inFlex: [ben, ...strangers] });
    await sync(sql, call);
    const dry = await dryRun(sql, call);
    expect(dry.held).toHaveLength(4);
    expect(dry.plan).toEqual(expect.any(String));
    const real = await request(sql, call);
    expect({ ...real, sync_id: null, condition: "" }).toEqual({ ...dry, condition: "" });
  });
});

describe("calling it again", () => {
  test("queues nothing that is queued already", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [cleo] });
    const first = await request(sql, call);
    const second = await request(sql, call);
    expect(second).toEqual(first);
    expect(await operations(sql, call)).toEqual(["add pending", "add pending", "remove pending"]);
    const [row] = await sql`select requests from flex_sync.syncs`;
    expect(row?.requests).toBe(2);
  });

  test("cancels what is no longer wanted, so that nothing is sent", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    await unassign(sql, call, [ana]);
    await sync(sql, call);
    expect(await operations(sql, call)).toEqual(["add cancelled"]);
    expect(call.flex.writes).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("costs one Flex call when nothing changed", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    await request(sql, call);
    expect((await drainWith(sql, call.flex)).map((operation) => operation.kind)).toEqual(["observe"]);
  });
});

test("a parameter that is null is as if it was not passed", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  const [one] = await sql`select sync_crew_call(${call.id}, null, null, null) as answer`;
  const [job] = await sql`select sync_crew_for_job(${call.job}, null, null, null, null) as answer`;
  expect(one?.answer).toMatchObject({ sync_id: 1, condition: "pending" });
  expect(job?.answer.sound).toEqual(one?.answer);
});

describe("sync_crew_call refuses", () => {
  test("an unknown crew call", async () => {
    const { sql } = await createDatabase();
    await expect(request(sql, { id: randomUUID() })).rejects.toMatchObject({ code: "NOCAL" });
    await expect(dryRun(sql, { id: randomUUID() })).rejects.toMatchObject({
      code: "NOCAL",
      hint: expect.any(String),
    });
  });

  test("a session that the host's hook does not allow", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql);
    await sql`create or replace function flex_sync.may_sync(crew_call_id uuid) returns boolean
      language sql as 'select null::boolean'`;
    await expect(request(sql, call)).rejects.toMatchObject({ code: "NOTAL" });
    await expect(dryRun(sql, call)).rejects.toMatchObject({ code: "NOTAL" });
  });

  test.each(["repeatable read", "serializable"])("isolation level %s", async (level) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql);
    await expect(
      sql.begin(`isolation level ${level}`, (tx) => tx`select sync_crew_call(${call.id})`),
    ).rejects.toMatchObject({ code: "ISOLA" });
    await expect(
      sql.begin(
        `isolation level ${level}`,
        (tx) => tx`select * from flex_sync.claim_operations('x', 1, '1 s')`,
      ),
    ).rejects.toMatchObject({ code: "ISOLA" });
  });
});

describe("element ids", () => {
  test.each([
    ["  ", "no_element"],
    [null, "no_element"],
    ["not-an-id", "malformed_id"],
  ])("%j block the crew call: %s", async (element, reason) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sql`update flex_crew_calls set flex_element_id = ${element}`;
    const answer = await request(sql, call);
    expect(answer).toMatchObject({ condition: "blocked", flex_element_id: element?.trim() || null });
    expect(await dryRun(sql, call)).toEqual({ ...answer, sync_id: null });
    expect(await conditionOf(sql, call)).toBe(`blocked ${reason}`);
    await sql`select flex_sync.tick()`;
    expect(await claim(sql)).toEqual([]);
  });

  test("that are none end the sync at once, which is told like every end", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql);
    await sql`update flex_crew_calls set flex_element_id = null`;
    const ended: string[] = [];
    const listening = await sql.listen("flex_sync_done", (id) => ended.push(id));
    const { sync_id } = await request(sql, call);
    await expect.poll(() => ended).toEqual([String(sync_id)]);
    await listening.unlisten();
  });

  test("are one element however they are written", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const element = ` ${call.element.toUpperCase()}\n`;
    const other = await makeCrewCall(sql, { desired: [ben], flex: call.flex, element });
    await request(sql, call);
    expect(await request(sql, other)).toMatchObject({ flex_element_id: call.element });
    await drainWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, ben.resource]);
    expect(await conditionOf(sql, other)).toBe("synced");
  });

  test("of people are trimmed and lower-case when they are sent", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, {
      desired: [{ ...ana, resource: `\t${ana.resource?.toUpperCase()} ` }],
    });
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
