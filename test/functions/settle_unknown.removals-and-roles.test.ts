import { describe, expect, test } from "vitest";
import { ana, as, ben, type CrewCall, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, newest, operations, recordedIn, request, sync } from "./asking.ts";
import { type Failure, settleWith } from "./drain-with.ts";

/** The first attempts of a kind end unknown; later ones are answered. */
function unanswered(kind: string, { landed, times = 1 }: { landed: boolean; times?: number }) {
  let left = times;
  return (operation: { kind: string }): Failure | undefined =>
    operation.kind === kind && left-- > 0 ? { outcome: "unknown", status: 202, landed } : undefined;
}

const linesIn = (call: CrewCall) => call.flex.resourcesOf(call.element).toSorted();

describe("an unanswered removal", () => {
  test("that landed is done with the next reading", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana, ben], inFlex: [ana, ben] });
    await sync(sql, call, unanswered("remove", { landed: true }));
    expect(await operations(sql, call)).toEqual(["remove done"]);
    expect(await recordedIn(sql, call)).toEqual({ [ana.id]: call.lineOf(ana) });
  });

  test("that did not is sent again after the wait", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana, ben], inFlex: [ana, ben] });
    await sync(sql, call, unanswered("remove", { landed: false }));
    expect(await operations(sql, call)).toEqual(["remove unknown"]);
    await settleWith(sql, call.flex);
    expect(linesIn(call)).toEqual([ana.resource]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("of a line that is wanted again is no line to count on", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ana, ben] });
    await unassign(sql, call, [ben]);
    await sync(sql, call, unanswered("remove", { landed: false }));
    await sql`insert into job_assignments (job_id, technician_id, sound_role) values (${call.job}, ${ben.id}, 'FOH')`;
    const plan = await request(sql, call);
    expect(plan.kept).toBe(1);
    call.flex.remove(call.element, call.lineOf(ben));
    await settleWith(sql, call.flex);
    expect(linesIn(call)).toEqual([ana.resource, ben.resource]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test.each([400, 404])(
    "refused with %i is read at once: gone is done, still there is failed",
    async (status) => {
      const { sql } = await createDatabase();
      const gone = await makeCrewCall(sql, { desired: [ana], recorded: [ana, ben], inFlex: [ana, ben] });
      const refuse = (landed: boolean) => (operation: { kind: string }) =>
        operation.kind === "remove" ? { outcome: "refused", status, landed } : undefined;
      await sync(sql, gone, refuse(true));
      expect(await operations(sql, gone)).toEqual(["remove done"]);
      const there = await makeCrewCall(sql, { desired: [ana], recorded: [ana, ben], inFlex: [ana, ben] });
      await sync(sql, there, refuse(false));
      expect(await operations(sql, there)).toEqual(["remove failed"]);
      expect(await conditionOf(sql, there)).toBe("failed refused");
    },
  );
});

describe("an unanswered role", () => {
  test.each([
    ["landed", true, 1],
    ["did not", false, 2],
  ])("where rows show roles, %s", async (_name, landed, sends) => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r')`;
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")], inFlex: [ana] });
    await request(sql, call);
    const all = await settleWith(sql, call.flex, unanswered("set_role", { landed }));
    expect(all.filter(({ kind }) => kind === "set_role")).toHaveLength(sends);
    expect(call.flex.linesOf(call.element)[0]?.flex_role_id).toBe("role-r");
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("where rows do not show roles is sent again after the wait", async () => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r')`;
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")], inFlex: [ana] });
    call.flex.roles = "hidden";
    await sync(sql, call, unanswered("set_role", { landed: true }));
    expect((await newest(sql, call, "set_role")).state).toBe("unknown");
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toHaveLength(2);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
