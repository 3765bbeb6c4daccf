import { describe, expect, test } from "vitest";
import { ana, ben, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, newest, request, sync } from "./asking.ts";
import { drainWith, type Failure, settleWith } from "./drain-with.ts";

const failing = (failure: Failure) => (operation: { kind: string }) =>
  operation.kind === "add" ? failure : undefined;

describe("what was refused", () => {
  test("is not tried again by re-planning alone, and once more by a new request", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const refuse = failing({ outcome: "refused", status: 422, error: "no such contact" });
    expect(await sync(sql, call, refuse)).toMatchObject({ condition: "pending" });
    expect(await newest(sql, call, "add")).toMatchObject({
      state: "failed",
      reason: "refused",
      http_status: 422,
      error: "no such contact",
    });
    await sql`select flex_sync.note_element(${call.element}, 'test', true)`;
    expect((await settleWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe"]);
    expect(await conditionOf(sql, call)).toBe("failed refused");
    await request(sql, call);
    const again = await drainWith(sql, call.flex, refuse);
    expect(again.map(({ kind }) => kind)).toEqual(["observe", "add"]);
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("retry", () => {
  test("tries a refused operation once more, from a new reading", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call, failing({ outcome: "refused", status: 400 }));
    await sql`select flex_sync.retry(${(await newest(sql, call, "add")).id})`;
    expect((await settleWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe", "add"]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("of an unknown operation reads and never sends", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call, failing({ outcome: "unknown", status: 202 }));
    await sql`select flex_sync.retry(${(await newest(sql, call, "add")).id})`;
    expect((await drainWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe"]);
    expect((await newest(sql, call, "add")).state).toBe("unknown");
  });

  test("refuses what is done and what does not exist", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    const { id } = await newest(sql, call, "add");
    await expect(sql`select flex_sync.retry(${id})`).rejects.toMatchObject({ code: "NORET" });
    await expect(sql`select flex_sync.retry(999999)`).rejects.toMatchObject({ code: "NOOPE" });
    await expect(sql`select flex_sync.retry(null)`).rejects.toMatchObject({ code: "NOOPE" });
  });
});

describe("retry_failed", () => {
  test("retries everything that failed on a crew call", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await sync(sql, call, failing({ outcome: "refused", status: 400 }));
    const [row] = await sql`select flex_sync.retry_failed(${call.id}) as number`;
    expect(row?.number).toBe(2);
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
    await expect(sql`select flex_sync.retry_failed(gen_random_uuid())`).rejects.toMatchObject({
      code: "NOCAL",
    });
  });
});
