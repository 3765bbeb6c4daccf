import { expect, test } from "vitest";
import { readDirectory } from "../../src/face/directory.ts";
import { openFaceDatabase } from "../../src/face/face-database.ts";
import { listCrewCalls } from "../../src/face/list-crew-calls.ts";
import { ana, makeCrewCall } from "../crew-call.ts";
import { sync } from "../functions/asking.ts";
import { createDatabase } from "../postgres/database.ts";

const first = { condition: null, after: null };

async function stage() {
  const { sql, url } = await createDatabase();
  const database = openFaceDatabase(url);
  const counted = async (ageMs: number) => {
    const value = await database.read(readDirectory);
    return { database, directory: async () => ({ value, ageMs }) };
  };
  return { sql, database, counted, [Symbol.asyncDispose]: database.close };
}

test("rows are read anew, in the order of the count", async () => {
  await using face = await stage();
  const calls = [
    await makeCrewCall(face.sql, { desired: [ana] }),
    await makeCrewCall(face.sql, { desired: [ana] }),
  ];
  const parts = await face.counted(0);
  for (const call of calls) await sync(face.sql, call);
  const { rows, counts } = await listCrewCalls(parts, first);
  expect(rows.map(({ condition }) => condition)).toEqual(["synced", "synced"]);
  expect(counts?.never_synced).toBe(2);
});

test("with an old count, what went wrong since is on the first page all the same, and once", async () => {
  await using face = await stage();
  const well = await makeCrewCall(face.sql, { desired: [ana] });
  await sync(face.sql, well);
  const parts = await face.counted(60_000);
  const late = await makeCrewCall(face.sql, { desired: [ana] });
  await sync(face.sql, late, ({ kind }) =>
    kind === "add" ? { outcome: "refused", status: 400 } : undefined,
  );
  const { rows } = await listCrewCalls(parts, first);
  expect(rows.map(({ crew_call_id, condition }) => [crew_call_id, condition])).toEqual([
    [late.id, "failed"],
    [well.id, "synced"],
  ]);
  const fresh = { ...parts, directory: async () => ({ ...(await parts.directory()), ageMs: 0 }) };
  expect((await listCrewCalls(fresh, first)).rows).toHaveLength(1);
});

test("before the first count, there is a page already, by condition too", async () => {
  await using face = await stage();
  const call = await makeCrewCall(face.sql, { desired: [ana] });
  const parts = { database: face.database, directory: () => Promise.reject(new Error("not yet")) };
  const { rows, ...rest } = await listCrewCalls(parts, first);
  expect(rows.map(({ crew_call_id }) => crew_call_id)).toEqual([call.id]);
  expect(rest).toEqual({ next: null, counts: null, counted_ms: null });
  expect((await listCrewCalls(parts, { ...first, condition: "held" })).rows).toEqual([]);
});
