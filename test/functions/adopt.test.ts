import { describe, expect, test } from "vitest";
import { ana, ben, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, recordedIn, sync } from "./asking.ts";
import { settleWith } from "./drain-with.ts";

describe("a line that a person made for somebody desired", () => {
  test("is recorded, but is not ours", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = 'owned'`;
    const call = await makeCrewCall(sql, { desired: [ana, ben], inFlex: [ana] });
    await sync(sql, call);
    expect(await recordedIn(sql, call)).toMatchObject({ [ana.id]: call.lineOf(ana) });
    await unassign(sql, call, [ana]);
    await sync(sql, call);
    expect(call.flex.resourcesOf(call.element)).toContain(ana.resource);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("is ours once it is adopted", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = 'owned'`;
    const call = await makeCrewCall(sql, { desired: [ana, ben], inFlex: [ana] });
    await sync(sql, call);
    await sql`select flex_sync.adopt(${call.id}, ${` ${call.lineOf(ana).toUpperCase()}`})`;
    await unassign(sql, call, [ana]);
    await sync(sql, call);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ben.resource]);
  });
});

describe("adopt refuses", () => {
  test("a line that is not there, or of somebody nobody desires", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = 'owned'`;
    const call = await makeCrewCall(sql, { desired: [ana], inFlex: [person(9)] });
    await sync(sql, call);
    for (const line of [call.lineOf(person(9)), "no-such-line", null])
      await expect(sql`select flex_sync.adopt(${call.id}, ${line})`).rejects.toMatchObject({ code: "NOLIN" });
    await expect(sql`select flex_sync.adopt(gen_random_uuid(), 'x')`).rejects.toMatchObject({
      code: "NOCAL",
    });
  });
});
