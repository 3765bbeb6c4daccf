import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { ana, assign, ben, type CrewCall, cleo, dan, eva, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { request, sync } from "./asking.ts";
import { drainWith, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

/** Condition and reason of everybody, with how long already in whole hours. */
async function sinceOf(sql: Sql): Promise<string[]> {
  const rows =
    await sql`select concat_ws(' ', condition, reason, since_ago) as said from flex_sync.crew_status
    order by technician_id`;
  return rows.map(({ said }) => said);
}

async function blockedCall(sql: Sql): Promise<CrewCall> {
  const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana] });
  call.flex.remove(call.element, call.lineOf(ana));
  call.flex.gone.add(call.element);
  await sync(sql, call);
  return call;
}

describe("since when", () => {
  test("somebody is open, refused, unanswered, without a resource or in sync", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, {
      desired: [ana, ben, cleo, { ...dan, resource: null }, eva],
      inFlex: [eva],
    });
    expect(await sinceOf(sql)).toEqual([
      "never_synced never_synced",
      "never_synced never_synced",
      "never_synced never_synced",
      "unmapped no_resource",
      "never_synced never_synced",
    ]);
    await request(sql, call);
    await moveClock(sql, "3 h");
    const asked = "pending requested 3 h";
    expect(await sinceOf(sql)).toEqual([asked, asked, asked, "unmapped no_resource 3 h", asked]);
    await drainWith(sql, call.flex, ({ kind, flex_resource_id }) => {
      if (kind === "observe" || flex_resource_id === ana.resource) return undefined;
      const refused = flex_resource_id === ben.resource;
      return refused ? { outcome: "refused", status: 400 } : { outcome: "unknown", status: 500 };
    });
    await moveClock(sql, "2 h");
    expect(await sinceOf(sql)).toEqual([
      "synced 2 h",
      "failed refused 2 h",
      "unknown unanswered 2 h",
      "unmapped no_resource 5 h",
      "synced 2 h",
    ]);
  });

  test("somebody lost their resource, once a plan has seen it", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [{ ...ana, resource: null }] });
    await sync(sql, call);
    await moveClock(sql, "3 h");
    await assign(sql, call, [ana]);
    await sync(sql, call);
    await assign(sql, call, [{ ...ana, resource: null }]);
    expect(await sinceOf(sql)).toEqual(["unmapped no_resource"]);
    await sync(sql, call);
    await moveClock(sql, "2 h");
    expect(await sinceOf(sql)).toEqual(["unmapped no_resource 2 h"]);
  });

  test("a line that stays is there", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], inFlex: [ana, ben] });
    await sql`update flex_sync.settings set policy = 'owned'`;
    await sync(sql, call);
    await unassign(sql, call, [ana]);
    await sync(sql, call);
    await moveClock(sql, "3 h");
    expect(await sinceOf(sql)).toEqual(["synced kept_by_policy 3 h", "synced foreign 3 h"]);
  });

  test("a crew call is blocked, however often it was tried meanwhile", async () => {
    const { sql } = await createDatabase();
    const call = await blockedCall(sql);
    for (const wait of ["90 min", "90 min"]) {
      await moveClock(sql, wait);
      expect((await settleWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe"]);
    }
    expect(await sinceOf(sql)).toEqual(["blocked element_gone 3 h"]);
    const [row] = await sql`select flex_sync.explain(${call.id}) as text`;
    expect(row?.text).toContain("blocked since 3 h ago");
  });

  test("the host's table refuses a row, however often it was tried meanwhile", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sql`alter table flex_crew_assignments add constraint "nobody today" check (technician_id <> ${sql.unsafe(`'${ana.id}'`)})`;
    await sync(sql, call);
    await moveClock(sql, "90 min");
    expect(await drainWith(sql, call.flex)).toHaveLength(1);
    await moveClock(sql, "90 min");
    await sync(sql, call);
    expect(await sinceOf(sql)).toEqual(["blocked host_table 3 h"]);
  });

  test("a crew call is blocked again, after it was not", async () => {
    const { sql } = await createDatabase();
    const call = await blockedCall(sql);
    await moveClock(sql, "3 h");
    call.flex.gone.clear();
    await settleWith(sql, call.flex);
    call.flex.gone.add(call.element);
    for (const { flex_line_item_id } of call.flex.linesOf(call.element))
      call.flex.remove(call.element, flex_line_item_id);
    await sync(sql, call);
    await moveClock(sql, "2 h");
    expect(await sinceOf(sql)).toEqual(["blocked element_gone 2 h"]);
  });
});
