import { describe, expect, test } from "vitest";
import { ana, ben, type CrewCall, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, conditionOfPerson, newest, operations, recordedIn, request, sync } from "./asking.ts";
import { answer, claim, drainWith, type Failure, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

/** The first attempts of a kind end unknown; later ones are answered. */
function unanswered(kind: string, { landed, times = 1 }: { landed: boolean; times?: number }) {
  let left = times;
  return (operation: { kind: string }): Failure | undefined =>
    operation.kind === kind && left-- > 0 ? { outcome: "unknown", status: 202, landed } : undefined;
}

const linesIn = (call: CrewCall) => call.flex.resourcesOf(call.element).toSorted();

describe("an unanswered add", () => {
  test("that landed is found by the next reading and recorded, never sent again", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await sync(sql, call, unanswered("add", { landed: true }));
    expect(linesIn(call)).toEqual([ana.resource, ben.resource]);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id, ben.id]);
    expect(await conditionOf(sql, call)).toBe("synced");
    const ledger = await sql`select source from flex_sync.ledger order by source`;
    expect(ledger.map((row) => row.source)).toEqual(["accounted", "added"]);
  });

  test("that is not found stays unknown until its deadline and late_landing have passed", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await sync(sql, call, unanswered("add", { landed: false }));
    expect((await newest(sql, call, "add")).state).toBe("done");
    expect(await operations(sql, call)).toEqual(["add unknown", "add done"]);
    expect(await conditionOf(sql, call)).toBe("unknown unanswered");
    const [finished] = await sql`select outcome from flex_sync.syncs where finished_at is not null`;
    expect(finished?.outcome).toBe("unknown");
    await moveClock(sql, "44 s");
    await sync(sql, call);
    expect(await operations(sql, call)).toEqual(["add unknown", "add done"]);
    await moveClock(sql, "2 s");
    await drainWith(sql, call.flex);
    expect(linesIn(call)).toEqual([ana.resource, ben.resource]);
    expect(await conditionOfPerson(sql, call, ana)).toBe("unknown late_check");
    expect(await conditionOf(sql, call)).toBe("unknown late_check");
    await moveClock(sql, "30 s");
    expect((await drainWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe"]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("that lands late, after it was sent again, is a surplus line of ours and goes", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call, unanswered("add", { landed: false }));
    await moveClock(sql, "46 s");
    await drainWith(sql, call.flex);
    expect(linesIn(call)).toEqual([ana.resource]);
    const late = call.flex.add(call.element, ana.resource);
    await settleWith(sql, call.flex);
    expect(call.flex.writes.at(-1)).toBe(`remove ${late}`);
    expect(linesIn(call)).toEqual([ana.resource]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("accounts for one line only: a second one is a human's", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call, (operation) => {
      if (operation.kind !== "add") return undefined;
      call.flex.add(call.element, ana.resource);
      return { outcome: "unknown", status: 500, landed: true };
    });
    await settleWith(sql, call.flex);
    const [row] = await sql`select count(*)::int as ours from flex_sync.ledger`;
    expect(row?.ours).toBe(1);
    expect(await conditionOf(sql, call)).toBe("held surplus_not_ours");
  });

  test("does not claim a line that the reading before it showed", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ben], inFlex: [ben] });
    const human = call.flex.add(call.element, ana.resource, { is_contact: true });
    call.flex.remove(call.element, human);
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await sql`insert into flex_sync.lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, first_seen_at)
      select ${call.element}, ${human}, ${ana.resource}, true, false, reading_at from flex_sync.elements`;
    for (const operation of await claim(sql))
      await answer(sql, call.flex, operation, unanswered("add", { landed: false }));
    call.flex.add(call.element, ana.resource, { flex_line_item_id: human });
    await settleWith(sql, call.flex);
    expect(await sql`select * from flex_sync.ledger where flex_line_item_id = ${human}`).toEqual([]);
  });

  test("is not_accepted after max_attempts sends proved absent, and tried again by a request", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const all = await settleWith(sql, call.flex, unanswered("add", { landed: false, times: 3 }));
    expect(all.filter(({ kind }) => kind === "add")).toHaveLength(3);
    expect(await newest(sql, call, "add")).toMatchObject({
      state: "failed",
      reason: "not_accepted",
      attempts: 3,
    });
    expect(await conditionOf(sql, call)).toBe("failed not_accepted");
    await sync(sql, call);
    expect(linesIn(call)).toEqual([ana.resource]);
  });

  test("is settled also when nobody wants the person any more", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await request(sql, call);
    await sync(sql, call, unanswered("add", { landed: false }));
    await unassign(sql, call, [ana]);
    call.flex.add(call.element, ana.resource);
    await settleWith(sql, call.flex);
    expect(linesIn(call)).toEqual([ben.resource]);
    expect(await recordedIn(sql, call)).toMatchObject({ [ben.id]: expect.any(String) });
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("lets nobody else wait", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call, unanswered("add", { landed: false }));
    const other = await makeCrewCall(sql, {
      desired: [ben],
      job: call.job,
      element: call.element,
      flex: call.flex,
    });
    await sync(sql, other);
    expect(linesIn(call)).toEqual([ben.resource]);
  });
});
