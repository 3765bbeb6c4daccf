import { expect, test } from "vitest";
import { ana, makeCrewCall } from "../crew-call.ts";
import { codeWords, tableRows } from "../documents/repository.ts";
import { createDatabase } from "../postgres/database.ts";
import { newest, sync } from "./asking.ts";

const CONDITIONS = ["paused", "blocked", "failed", "held", "unknown", "pending", "unmapped", "never_synced"];

/** Every documented condition and reason in which somebody may have to do something. */
const PAIRS = tableRows("docs/reasons.md")
  .map((cells) => cells.slice(0, 2).map((cell) => codeWords(cell)[0] ?? ""))
  .filter(([condition = "", reason]) => CONDITIONS.includes(condition) && reason);

test.each(PAIRS)("of %s, %s is there and can be pasted as it is", async (condition = "", reason = "") => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "refused", status: 400 } : undefined));
  const { id } = await newest(sql, call, "add");
  const [row] =
    await sql`select flex_sync.next_action(${condition}, ${reason}, ${call.id}, ${id}, null) as action`;
  expect(row?.action).toMatch(/^(-- [a-z]|[a-z]+ .*;)/);
  await sql.unsafe(row?.action);
});

test("of a limit that is 0 is to raise it, for nothing ever frees", async () => {
  const { sql } = await createDatabase();
  await sql`update flex_sync.settings set monthly_limit = 0`;
  const [row] = await sql`select flex_sync.next_action('pending', 'quota', null, null, null) as action`;
  await sql.unsafe(row?.action);
  expect(await sql`select monthly from flex_sync.calls_left()`).toEqual([{ monthly: "100000" }]);
});
