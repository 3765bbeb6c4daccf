import { expect, test } from "vitest";
import { ana, ben, cleo, makeCrewCall } from "../crew-call.ts";
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
    await sql`select flex_sync.next_action(${condition}, ${reason}, ${call.id}, ${id}, null, array[${ana.id}]::uuid[]) as action`;
  expect(row?.action).toMatch(/^(-- [a-z]|[a-z]+ .*;)/);
  await sql.unsafe(row?.action);
});

test("of a limit that is 0 is to raise it, for nothing ever frees", async () => {
  const { sql } = await createDatabase();
  await sql`update flex_sync.settings set monthly_limit = 0`;
  const [row] = await sql`select flex_sync.next_action('pending', 'quota', null, null, null, null) as action`;
  await sql.unsafe(row?.action);
  expect(await sql`select monthly from flex_sync.calls_left()`).toEqual([{ monthly: "100000" }]);
});

test("of unmapped people names them as the host does, on one line whatever their name is", async () => {
  const { sql } = await createDatabase();
  await sql`alter table profiles add full_name text`;
  const call = await makeCrewCall(sql, {
    desired: [ana, { ...ben, resource: null }, { ...cleo, resource: null }],
  });
  await sql`update profiles set full_name = E'Ben\n; drop table jobs; --' where id = ${ben.id}`;
  await sql`update profiles set full_name = 'Cleo Dumas' where id = ${cleo.id}`;

  const [ofCall] =
    await sql`select next_action from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
  const [ofCleo] = await sql`select next_action from flex_sync.crew_status where technician_id = ${cleo.id}`;

  expect(ofCall?.next_action).toMatch(
    / of Ben.*; drop table jobs; -- aaaa\S+ \(and of 1 more\) is their contact id in Flex$/,
  );
  expect(ofCleo?.next_action).toContain(` of Cleo Dumas ${cleo.id} is their contact id in Flex`);
});

test("of a doubtful reading tells the doubt on each crew call of a shared element", async () => {
  const { sql } = await createDatabase();
  const first = await makeCrewCall(sql, { desired: [ana] });
  const second = await makeCrewCall(sql, { desired: [ben], element: first.element, flex: first.flex });
  await sync(sql, first);
  await sql`update flex_sync.elements set doubt_reason = 'not_json'`;

  for (const { id } of [first, second]) {
    const [row] =
      await sql`select flex_sync.next_action('pending', 'doubtful_reading', ${id}, null, null, null) as action`;
    expect(await sql.unsafe(row?.action)).toMatchObject([{ doubt_reason: "not_json" }]);
  }
});
