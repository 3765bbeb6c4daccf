import { describe, expect, test } from "vitest";
import { ana, ben, makeCrewCall, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, newest, request, sync } from "./asking.ts";
import { drainWith, settleWith } from "./drain-with.ts";

/** Ana was refused, ben is there by a person's hand, four strangers are held. */
async function stage() {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, {
    desired: [ana, ben],
    inFlex: [ben, ...[11, 12, 13, 14].map(person)],
  });
  await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "refused", status: 422 } : undefined));
  const [status] = await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
  const [add] = await sql`select id from flex_sync.outbox where state = 'failed'`;
  const log = () => sql`select action, arguments from flex_sync.operator_log order by id`;
  const due = async () =>
    (await sql`select count(*)::int as notes from flex_sync.due_elements`)[0]?.notes as number;
  return { sql, call, plan: status?.plan as string, add, log, due };
}

type Stage = Awaited<ReturnType<typeof stage>>;

/** Each function as an operator calls it, and what its trace says. */
const FUNCTIONS: [string, (on: Stage) => string, (on: Stage) => object][] = [
  [
    "retry",
    ({ add }) => `flex_sync.retry(${add?.id})`,
    ({ add, call }) => ({
      operation_id: Number(add?.id),
      crew_call_id: call.id,
      kind: "add",
      was: "failed refused",
    }),
  ],
  ["retry", ({ call }) => `flex_sync.retry_failed('${call.id}')`, ({ call }) => ({ crew_call_id: call.id })],
  [
    "approved removals",
    ({ call, plan }) => `flex_sync.approve_removals('${call.id}', '${plan}')`,
    ({ plan }) => ({ plan, lines: 4, was: null }),
  ],
  [
    "rejected removals",
    ({ call, plan }) => `flex_sync.reject_removals('${call.id}', '${plan}')`,
    ({ plan }) => ({ plan, lines: 4, was: null }),
  ],
  [
    "adopt",
    ({ call }) => `flex_sync.adopt('${call.id}', '${call.lineOf(ben)}')`,
    ({ call }) => ({
      flex_line_item_id: call.lineOf(ben),
      flex_resource_id: ben.resource,
      technician_id: ben.id,
    }),
  ],
  [
    "set_policy",
    ({ call }) => `flex_sync.set_policy('${call.id}', 'owned')`,
    ({ call }) => ({ crew_call_id: call.id, was: null, is: "owned" }),
  ],
  [
    "set_resync_interval",
    ({ call }) => `flex_sync.set_resync_interval('${call.id}', '2 hours')`,
    ({ call }) => ({ crew_call_id: call.id, was: null, is: "02:00:00" }),
  ],
  ["pause", () => "flex_sync.pause('lunch')", () => ({ reason: "lunch", was: null })],
  ["enable_auto_sync", () => "flex_sync.enable_auto_sync()", () => ({})],
];

describe("said twice is said once, with one trace of what changed", () => {
  test.each(FUNCTIONS)("%s", async (action, statement, trace) => {
    const on = await stage();
    await on.sql.unsafe(`select ${statement(on)}`);
    const due = await on.due();
    await on.sql.unsafe(`select ${statement(on)}`);
    const log = await on.log();
    expect(log).toHaveLength(1);
    expect(log[0]).toMatchObject({ action, arguments: trace(on) });
    expect(await on.due()).toBe(due);
  });

  test("resume and disable_auto_sync, also where there was nothing to undo", async () => {
    const { sql, log } = await stage();
    for (const statement of ["resume", "disable_auto_sync"])
      await sql.unsafe(`select flex_sync.${statement}()`);
    expect(await log()).toEqual([]);
    await sql`select flex_sync.pause('lunch'), flex_sync.enable_auto_sync()`;
    for (const statement of ["resume", "disable_auto_sync", "resume", "disable_auto_sync"])
      await sql.unsafe(`select flex_sync.${statement}()`);
    expect((await log()).map(({ action, arguments: { was } }) => [action, was])).toEqual([
      ["pause", null],
      ["enable_auto_sync", undefined],
      ["resume", "lunch"],
      ["disable_auto_sync", undefined],
    ]);
  });
});

describe("nonsense is refused with a code and a cure, and leaves no trace", () => {
  test.each([
    ["NOOPE", () => "flex_sync.retry(null)"],
    ["NOOPE", () => "flex_sync.retry(-1)"],
    ["NORET", ({ held }: { held: string }) => `flex_sync.retry(${held})`],
    ["NORET", ({ done }: { done: string }) => `flex_sync.retry(${done})`],
    ["NOCAL", () => "flex_sync.retry_failed(null)"],
    ["NOCAL", () => "flex_sync.retry_failed(gen_random_uuid())"],
    ["NOCAL", () => "flex_sync.approve_removals(null, null)"],
    ["NOCAL", ({ plan }: { plan: string }) => `flex_sync.reject_removals(gen_random_uuid(), '${plan}')`],
    ["NOPLN", ({ id }: { id: string }) => `flex_sync.approve_removals('${id}', null)`],
    ["NOPLN", ({ id }: { id: string }) => `flex_sync.approve_removals('${id}', '')`],
    ["NOPLN", ({ id }: { id: string }) => `flex_sync.reject_removals('${id}', md5(''))`],
    [
      "NOPLN",
      ({ other, plan }: { other: string; plan: string }) =>
        `flex_sync.approve_removals('${other}', '${plan}')`,
    ],
    ["NOLIN", ({ id }: { id: string }) => `flex_sync.adopt('${id}', null)`],
    [
      "NOLIN",
      ({ id, stranger }: { id: string; stranger: string }) => `flex_sync.adopt('${id}', '${stranger}')`,
    ],
    ["NOLIN", ({ other, line }: { other: string; line: string }) => `flex_sync.adopt('${other}', '${line}')`],
    ["NOCAL", ({ line }: { line: string }) => `flex_sync.adopt(null, '${line}')`],
    ["NOPOL", ({ id }: { id: string }) => `flex_sync.set_policy('${id}', '')`],
    ["NOPOL", ({ id }: { id: string }) => `flex_sync.set_policy('${id}', 'Mirror')`],
    ["NOCAL", () => "flex_sync.set_policy(null, 'owned')"],
    ["NOCAL", ({ gone }: { gone: string }) => `flex_sync.set_policy('${gone}', 'mirror')`],
    ["NOINT", ({ id }: { id: string }) => `flex_sync.set_resync_interval('${id}', '59 seconds')`],
    ["NOINT", ({ id }: { id: string }) => `flex_sync.set_resync_interval('${id}', '-1 hour')`],
    ["NOINT", ({ id }: { id: string }) => `flex_sync.set_resync_interval('${id}', '11 years')`],
    ["NOCAL", () => "flex_sync.set_resync_interval(gen_random_uuid(), null)"],
    ["NOCAL", ({ gone }: { gone: string }) => `flex_sync.set_resync_interval('${gone}', '1 hour')`],
    ["NOWHY", () => "flex_sync.pause(null)"],
    ["NOWHY", () => "flex_sync.pause(E' \\n\\t')"],
    ["NOCAL", () => "flex_sync.explain(null)"],
  ] as [string, (names: Record<string, string>) => string][])("%s: %s", async (code, statement) => {
    const { sql, call, plan, log } = await stage();
    const other = await makeCrewCall(sql, { desired: [ana] });
    const gone = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, gone);
    await sql`delete from flex_crew_calls where id = ${gone.id}`;
    const names = {
      id: call.id,
      plan,
      other: other.id,
      gone: gone.id,
      line: call.lineOf(ben),
      stranger: call.lineOf(person(11)),
      held: (await newest(sql, call, "remove")).id,
      done: (await newest(sql, gone, "add")).id,
    };
    const refused = sql.unsafe(`select ${statement(names)}`);
    await expect(refused).rejects.toMatchObject({ code, hint: expect.stringMatching(/\S/) });
    expect(await log()).toEqual([]);
  });
});

describe("the trace", () => {
  test("names the user behind the functions' own rights, the role taken on, and the token's subject", async () => {
    const { sql, log } = await stage();
    const [me] = await sql`select session_user as name`;
    await sql`select flex_sync.pause('first')`;
    await sql.begin(async (tx) => {
      await tx`set local role flex_sync_operator`;
      await tx`select set_config('request.jwt.claims', ${JSON.stringify({ sub: "user-7\u001b[2J\nroot" })}, true)`;
      await tx`select flex_sync.pause('second')`;
    });
    expect((await log()).map(({ action }) => action)).toEqual(["pause", "pause"]);
    expect(await sql`select who from flex_sync.operator_log order by id`).toEqual([
      { who: me?.name },
      { who: `${me?.name} as flex_sync_operator (sub user-7 [2J root)` },
    ]);
  });

  test("of a yes names its lines, and the decision who said it", async () => {
    const { sql, call, plan, log } = await stage();
    await sql`select flex_sync.approve_removals(${call.id}, ${plan})`;
    const lines = [11, 12, 13, 14].map((n) => call.lineOf(person(n))).toSorted();
    expect(await log()).toMatchObject([{ arguments: { flex_line_item_ids: lines } }]);
    const [me] = await sql`select session_user as name`;
    expect(await sql`select distinct decided_by from flex_sync.removal_decisions`).toEqual([
      { decided_by: me?.name },
    ]);
  });
});

describe("next_action", () => {
  test("of a held person can be pasted, and lets their line go", async () => {
    const { sql, call } = await stage();
    const [row] = await sql`select next_action from flex_sync.crew_status
      where crew_call_id = ${call.id} and condition = 'held' limit 1`;
    const statements = String(row?.next_action).match(/select flex_sync\.[a-z_]+\([^)]*\);/g) ?? [];
    expect(statements).toHaveLength(2);
    for (const statement of statements) await sql.unsafe(statement);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ben.resource]);
  });
});

test("retry_failed reaches a line that people of another crew call share", async () => {
  const { sql } = await createDatabase();
  const first = await makeCrewCall(sql, { desired: [ana] });
  const second = await makeCrewCall(sql, {
    desired: [{ ...ben, resource: ana.resource }],
    element: first.element,
    flex: first.flex,
  });
  for (const call of [first, second]) await request(sql, call);
  await drainWith(sql, first.flex, ({ kind }) =>
    kind === "add" ? { outcome: "refused", status: 422 } : undefined,
  );
  for (const call of [first, second]) expect(await conditionOf(sql, call)).toBe("failed refused");
  const owner = (await newest(sql, first, "add")).crew_call_id;
  const sharing = owner === first.id ? second : first;
  const [row] = await sql`select flex_sync.retry_failed(${sharing.id}) as number`;
  expect(row?.number).toBe(1);
  await settleWith(sql, first.flex);
  expect(await conditionOf(sql, sharing)).toBe("synced");
});
