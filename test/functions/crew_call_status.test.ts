import { describe, expect, test } from "vitest";
import { ana, assign, ben, cleo, makeCrewCall, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, conditionOfPerson, request, sync } from "./asking.ts";
import { claim, drainWith, fail } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

describe("crew_call_status", () => {
  test("counts what is desired, recorded, observed and open", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, {
      desired: [ana, ben, cleo],
      inFlex: [ana, ...[11, 12, 13, 14].map(person)],
    });
    await sync(sql, call, ({ flex_resource_id, kind }) => {
      if (kind !== "add") return undefined;
      const refused = flex_resource_id === ben.resource;
      return refused ? { outcome: "refused", status: 400 } : { outcome: "unknown", status: 500 };
    });
    const [row] = await sql`select * from flex_sync.crew_call_status`;
    expect(row).toMatchObject({
      crew_call_id: call.id,
      job_id: call.job,
      department: "sound",
      flex_element_id: call.element,
      condition: "failed",
      reason: "refused",
      desired: "3",
      recorded: "1",
      observed: "5",
      unknown: "1",
      held: "4",
      failed: "1",
      plan: expect.any(String),
      observed_at: expect.any(Date),
      last_sync_at: expect.any(Date),
      next_action: expect.stringContaining("retry"),
    });
  });

  test("names the most urgent condition first", async () => {
    const { sql } = await createDatabase();
    const nobody = { ...person(8), resource: null };
    const call = await makeCrewCall(sql, { desired: [] });
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("synced");
    await assign(sql, call, [nobody]);
    expect(await conditionOf(sql, call)).toBe("unmapped no_resource");
    await assign(sql, call, [ana]);
    expect(await conditionOf(sql, call)).toBe("pending not_requested");
    for (const n of [11, 12, 13, 14]) call.flex.add(call.element, person(n).resource);
    await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "unknown", status: 202 } : undefined));
    expect(await conditionOf(sql, call)).toBe("held many_foreign");
    const [held] = await sql`select plan from flex_sync.crew_call_status`;
    await sql`select flex_sync.reject_removals(${call.id}, ${held?.plan})`;
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("unknown unanswered");
    await assign(sql, call, [ben]);
    await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "refused", status: 400 } : undefined));
    expect(await conditionOf(sql, call)).toBe("failed refused");
    await request(sql, call);
    const [reading] = await claim(sql);
    if (reading) await fail(sql, reading, { outcome: "denied", status: 401 });
    expect(await conditionOf(sql, call)).toBe("blocked access_denied");
    await sql`select flex_sync.pause('test')`;
    expect(await conditionOf(sql, call)).toBe("paused paused");
    expect(await conditionOfPerson(sql, call, ana)).toBe("paused paused");
  });

  test("is never_synced before anybody asked, also when there is something to remove", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ben] });
    expect(await conditionOf(sql, call)).toBe("never_synced never_synced");
    expect(await conditionOfPerson(sql, call, ana)).toBe("never_synced never_synced");
  });

  test("is not synced while the job differs from the last sync", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await sync(sql, call);
    await sql`delete from job_assignments where technician_id = ${ben.id}`;
    expect(await conditionOf(sql, call)).toBe("pending not_requested");
    expect(await conditionOfPerson(sql, call, ben)).toBe("pending not_requested");
    expect(await conditionOfPerson(sql, call, ana)).toBe("synced");
  });

  test("gives a next action for every condition that needs one, and none for synced", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const nextAction = async () =>
      (await sql`select next_action from flex_sync.crew_call_status`)[0]?.next_action;
    expect(await nextAction()).toContain(call.id);
    await sync(sql, call);
    expect(await nextAction()).toBeNull();
    await moveClock(sql, "1 s");
    await request(sql, call);
    expect(await nextAction()).toEqual(expect.any(String));
  });
});

describe("crew_status", () => {
  test("shows a foreign line that stays as nobody's", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = 'owned'`;
    const call = await makeCrewCall(sql, { desired: [ana], inFlex: [person(9)] });
    await sync(sql, call);
    const rows =
      await sql`select technician_id, observed_line_item_id, condition, reason from flex_sync.crew_status
      where technician_id is null`;
    expect(rows).toEqual([
      {
        technician_id: null,
        observed_line_item_id: call.lineOf(person(9)),
        condition: "synced",
        reason: "foreign",
      },
    ]);
  });

  test("says of whoever is recorded and was never seen that a reading is waited for, once somebody asked", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana] });

    expect(await conditionOfPerson(sql, call, ana)).toBe("never_synced never_synced");
    await request(sql, call);
    expect(await conditionOfPerson(sql, call, ana)).toBe("pending requested");
  });

  test("finds the open operation of each person without looking at everybody else's", async () => {
    const { sql } = await createDatabase();
    const crew = Array.from({ length: 60 }, (_, n) => person(n + 1));
    const call = await makeCrewCall(sql, { desired: crew });
    await request(sql, call);

    const removed = await sql.begin(async (transaction) => {
      // As with thousands of operations, when a walk through the whole table is out of the question.
      await transaction`set local enable_seqscan = off`;
      const [row] = await transaction`
        explain (analyze, format json) select * from flex_sync.crew_status where crew_call_id = ${call.id}`;
      return removedRows(row?.["QUERY PLAN"][0].Plan);
    });

    expect(removed).toBeLessThan(crew.length * 10);
  });

  test("reads several rows for one person as one", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sql`create or replace view flex_sync.desired_crew as
      select crew.crew_call_id, crew.technician_id, crew.flex_resource_id, crew.role_code
      from (values (${sql.unsafe(`'${call.id}'`)}::uuid, ${sql.unsafe(`'${ana.id}'`)}::uuid, null, 'FOH'),
        (${sql.unsafe(`'${call.id}'`)}::uuid, ${sql.unsafe(`'${ana.id}'`)}::uuid, ${sql.unsafe(`'${ana.resource}'`)}, 'FOH')
      ) as crew (crew_call_id, technician_id, flex_resource_id, role_code)`;
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await sql`select condition, desired from flex_sync.crew_status`).toEqual([
      { condition: "synced", desired: true },
    ]);
  });

  test("reads rows that contradict each other as the same one each time, in whatever order they come", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const listed = (...resources: (string | null)[]) =>
      sql.unsafe(`create or replace view flex_sync.desired_crew as
        select '${call.id}'::uuid as crew_call_id, '${ana.id}'::uuid as technician_id, crew.resource as flex_resource_id, 'FOH' as role_code
        from (values ${resources.map((resource) => `('${resource}')`).join()}) as crew (resource)`);
    await listed(ben.resource, ana.resource, "none");
    await sync(sql, call);
    await listed("none", ana.resource, ben.resource);
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

type PlanNode = {
  "Relation Name"?: string;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  Plans?: PlanNode[];
};

/** How many rows of the outbox were read in vain. */
function removedRows(node: PlanNode): number {
  const here =
    node["Relation Name"] === "outbox" ? (node["Rows Removed by Filter"] ?? 0) * node["Actual Loops"] : 0;
  return (node.Plans ?? []).reduce((sum, below) => sum + removedRows(below), here);
}
