import { describe, expect, test } from "vitest";
import { ana, ben, makeCrewCall } from "../crew-call.ts";
import { conditionOf, operations, recordedIn, request } from "../functions/asking.ts";
import { type Claimed, claim, drainWith, send, settleWith, step } from "../functions/drain-with.ts";
import { createDatabase } from "../postgres/database.ts";
import { openSession } from "./two-sessions.ts";

describe("a row of flex_crew_assignments that the host holds", () => {
  test("does not keep an add from being closed; the person is recorded when the host lets go", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await request(sql, call);
    await step(sql, call.flex);
    const adds = (await claim(sql)) as [Claimed, Claimed];
    const host = await openSession(url);
    await host.begin();
    // The host writes the same person's row itself, and does not say when it is done.
    await host.sql`insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
      values (${call.id}, ${ana.id}, gen_random_uuid())`;
    for (const add of adds) {
      const line = send(call.flex, add);
      const [row] = await sql`select flex_sync.record_add(${add.id}, ${add.token}, ${line}) as result`;
      expect(row?.result).toBe("recorded");
    }
    expect(await operations(sql, call)).toEqual(["add done", "add done"]);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ben.id]);
    expect(await sql`select from flex_sync.ledger where flex_element_id = ${call.element}`).toHaveLength(2);
    expect(await conditionOf(sql, call)).toMatch(/^pending /);

    await host.commit();
    await drainWith(sql, call.flex);
    await settleWith(sql, call.flex);
    const lines = Object.fromEntries(
      call.flex.linesOf(call.element).map((line) => [line.flex_resource_id, line.flex_line_item_id]),
    );
    expect(await recordedIn(sql, call)).toEqual({
      [ana.id]: lines[ana.resource as string],
      [ben.id]: lines[ben.resource as string],
    });
    expect(call.flex.writes).toHaveLength(2);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("does not keep a reading from being recorded either", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana], inFlex: [ana, ben] });
    const host = await openSession(url);
    await host.begin();
    await host.sql`insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
      values (${call.id}, ${ben.id}, gen_random_uuid())`;
    await request(sql, call);
    await step(sql, call.flex);
    expect(await sql`select from flex_sync.readings`).toHaveLength(1);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id]);

    await host.sql`rollback`;
    await settleWith(sql, call.flex);
    expect(await recordedIn(sql, call)).toEqual({ [ana.id]: call.lineOf(ana), [ben.id]: call.lineOf(ben) });
    expect(call.flex.writes).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
