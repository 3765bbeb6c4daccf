import type { Sql } from "postgres";
import { expect, test } from "vitest";
import {
  ana,
  assign,
  ben,
  type CrewCall,
  eva,
  makeCrewCall,
  type Person,
  person,
  unassign,
} from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { request, sync } from "./asking.ts";
import { drainWith, type Hook, settleWith } from "./drain-with.ts";
import { moveClock, moveToNextWork } from "./move-clock.ts";

interface Happened {
  at: Date;
  technician_id: string | null;
  what: string;
  outcome: string;
  reason: string | null;
  who: string | null;
  operation_id: string | null;
  sync_id: string | null;
  http_status: number | null;
  detail: string;
}

async function history(
  sql: Sql,
  call: Pick<CrewCall, "id">,
  who: Person | null = null,
  since: string | null = null,
) {
  return sql<
    Happened[]
  >`select * from flex_sync.history(${call.id}, ${who?.id ?? null}, ${since}::timestamptz)`;
}

/** Each row as `what outcome reason`. */
const told = (rows: Happened[]) =>
  rows.map(({ what, outcome, reason }) => [what, outcome, reason].filter(Boolean).join(" "));

test("tells one person's way onto the call", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben] });
  await sql`select sync_crew_call(${call.id}, requested_by => 'Marta')`;
  await drainWith(sql, call.flex);
  const rows = await history(sql, call, ana);
  expect(told(rows)).toEqual([
    "request opened",
    "plan add desired",
    "reading not_seen",
    "call done add",
    "sync synced",
  ]);
  expect(rows[0]).toMatchObject({ who: "Marta", technician_id: null });
  expect(rows[3]).toMatchObject({ technician_id: ana.id });
  expect(rows[3]?.detail).toContain((await lineOf(sql, ana)) ?? "no line");
  for (const { detail } of rows) expect(detail).toMatch(/^[A-Z].*\.$/);
  expect(rows.map(({ at }) => at.getTime())).toEqual(
    [...rows.map(({ at }) => at.getTime())].sort((a, b) => a - b),
  );
});

async function lineOf(sql: Sql, who: Person): Promise<string | undefined> {
  const [row] =
    await sql`select flex_line_item_id from flex_crew_assignments where technician_id = ${who.id}`;
  return row?.flex_line_item_id;
}

test("tells who joined a request that still waits", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  for (const who of ["Marta", "Luis"]) await sql`select sync_crew_call(${call.id}, requested_by => ${who})`;
  expect((await history(sql, call)).map(({ what, outcome, who }) => [what, outcome, who].join(" "))).toEqual([
    "request opened Marta",
    "plan add ",
    "request joined Luis",
  ]);
});

test("tells that a line was deleted in Flex and made again", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ana, ben] });
  await sync(sql, call);
  await moveClock(sql, "1 hour");
  call.flex.remove(call.element, call.lineOf(ana));
  const [friday] = await sql<[{ at: string }]>`select flex_sync.clock()::text as at`;
  await request(sql, call);
  await settleWith(sql, call.flex);
  const rows = await history(sql, call, ana, friday.at);
  expect(told(rows)).toEqual([
    "request opened",
    "reading gone",
    "plan confirm confirming",
    "reading not_seen",
    "plan add stale",
    "call done add",
    "sync synced",
  ]);
  expect(rows[1]?.detail).toContain(call.lineOf(ana));
  expect(rows[2]?.detail).toBe("A reading lacked lines that are recorded here: a second reading decides.");
  expect(told(await history(sql, call, ben, friday.at))).not.toContain("plan add stale");
});

test("tells of an unanswered add that it did not land, and was sent again", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  const answers: Hook[] = [() => ({ outcome: "unknown", status: 503, error: "503 from the proxy" })];
  await request(sql, call);
  await settleWith(sql, call.flex, (operation) =>
    operation.kind === "add" ? answers.shift()?.(operation) : undefined,
  );
  const rows = (await history(sql, call, ana)).filter(({ what }) => ["call", "settled"].includes(what));
  expect(told(rows)).toEqual([
    "call unknown add",
    "settled absent add",
    "call done add",
    "settled not_late add",
  ]);
  expect(rows[0]).toMatchObject({ http_status: 503 });
  expect(rows[0]?.detail).toContain("503 from the proxy");
});

test("tells of an unanswered add that it landed after all", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await request(sql, call);
  await settleWith(sql, call.flex, ({ kind }) =>
    kind === "add" ? { outcome: "unknown", landed: true } : undefined,
  );
  const rows = await history(sql, call, ana);
  expect(told(rows)).toContain("settled landed add");
  expect(rows.find(({ what }) => what === "settled")?.detail).toContain(
    (await lineOf(sql, ana)) ?? "no line",
  );
});

test("tells what Flex refused, and who said to try again", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben] });
  await sync(sql, call, ({ kind, flex_resource_id }) =>
    kind === "add" && flex_resource_id === ana.resource
      ? { outcome: "refused", status: 400, error: "Unable to find contact" }
      : undefined,
  );
  await sql`select flex_sync.retry_failed(${call.id})`;
  const rows = await history(sql, call, ana);
  expect(told(rows)).toEqual([
    "request opened",
    "plan add desired",
    "reading not_seen",
    "call refused add",
    "ended failed refused",
    "sync failed",
    "operator retry",
  ]);
  expect(rows[3]?.detail).toContain("Unable to find contact");
  expect(rows[6]?.who).toBe("postgres");
  expect(told(await history(sql, call, ben))).not.toContain("ended failed refused");
});

test("tells that a person is not wanted any more, before and after they were sent", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ben], inFlex: [ben] });
  await request(sql, call);
  await unassign(sql, call, [ana, ben]);
  await sync(sql, call);
  expect(told(await history(sql, call, ana))).toContain("ended cancelled not_wanted");
  expect(told(await history(sql, call, ana))).not.toContain("call done add");
  expect(told(await history(sql, call, ben))).toEqual(
    expect.arrayContaining(["plan remove undesired", "call done remove"]),
  );
});

test("tells of a person who could not be added until they had a resource", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [{ ...eva, resource: null }] });
  await sync(sql, call);
  await sync(sql, call);
  await assign(sql, call, [eva]);
  await sync(sql, call);
  expect(told((await history(sql, call, eva)).filter(({ what }) => ["plan", "call"].includes(what)))).toEqual(
    ["plan unmapped no_resource", "plan add desired", "call done add"],
  );
});

test("tells what was held, who said yes and what went", async () => {
  const { sql } = await createDatabase();
  const strangers = [11, 12, 13, 14].map(person);
  const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana, ...strangers] });
  await sync(sql, call);
  const [status] = await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
  await sql`select flex_sync.approve_removals(${call.id}, ${status?.plan})`;
  await drainWith(sql, call.flex);
  const rows = told(await history(sql, call));
  expect(rows.filter((row) => row === "plan hold many_foreign")).toHaveLength(4);
  expect(rows.filter((row) => row === "plan remove foreign")).toHaveLength(4);
  expect(rows.filter((row) => row === "call done remove")).toHaveLength(4);
  const yes = (await history(sql, call)).find(({ what }) => what === "operator");
  expect(yes).toMatchObject({ outcome: "approved removals", who: "postgres" });
  expect(yes?.detail).toContain(call.lineOf(person(11)));
  expect(told(await history(sql, call, ana))).not.toContain("plan hold many_foreign");
});

test("tells that a held line was deleted by hand", async () => {
  const { sql } = await createDatabase();
  const strangers = [11, 12, 13, 14].map(person);
  const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana, ...strangers] });
  await sync(sql, call);
  for (const who of strangers) call.flex.remove(call.element, call.lineOf(who));
  await sync(sql, call);
  expect(told(await history(sql, call)).filter((row) => row === "plan released")).toHaveLength(4);
});

test("tells what blocked a crew call, once a day", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana] });
  const denied = () => ({ outcome: "denied", status: 401, error: "FLEX_5000" });
  await sync(sql, call, denied);
  await sync(sql, call, denied);
  const blocked = async () => (await history(sql, call, ana)).filter(({ outcome }) => outcome === "blocked");
  expect(told((await blocked()).filter(({ what }) => what === "plan"))).toEqual([
    "plan blocked access_denied",
  ]);
  expect((await blocked())[0]?.detail).toContain("FLEX_5000");
  await moveClock(sql, "25 hours");
  await sync(sql, call, denied);
  expect((await blocked()).filter(({ what }) => what === "plan")).toHaveLength(2);
});

test("tells what the host's table refused", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben] });
  await sql.unsafe(
    `alter table flex_crew_assignments add constraint "nobody like Ana" check (technician_id <> '${ana.id}')`,
  );
  await sync(sql, call);
  const rows = await history(sql, call, ana);
  expect(told(rows)).toEqual(expect.arrayContaining(["call done add", "plan blocked host_table"]));
  expect(rows.find(({ reason }) => reason === "host_table")?.detail).toContain("nobody like Ana");
  expect(told(await history(sql, call, ben))).not.toContain("plan blocked host_table");
});

test("a sync that decides nothing new remembers nothing", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, { ...eva, resource: null }] });
  await sync(sql, call);
  const remembered = async () => (await sql`select count(*)::int as n from flex_sync.decisions`)[0]?.n;
  const before = await remembered();
  expect(before).toBe(2);
  for (let times = 0; times < 3; times += 1) await sync(sql, call);
  expect(await remembered()).toBe(before);
});

test("a background reading is told only when it shows something new", async () => {
  const { sql } = await createDatabase();
  await sql`update flex_sync.settings set resync_interval = '1 h', policy = 'owned'`;
  const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana] });
  await sync(sql, call);
  const before = (await history(sql, call, ana)).length;
  await moveToNextWork(sql);
  await drainWith(sql, call.flex);
  expect(await history(sql, call, ana)).toHaveLength(before);
  call.flex.add(call.element, ana.resource);
  await moveToNextWork(sql);
  await drainWith(sql, call.flex);
  expect(told((await history(sql, call, ana)).slice(before))[0]).toBe("reading changed");
});

test("tells of people who share a resource on crew calls that share an element", async () => {
  const { sql } = await createDatabase();
  const twin = { ...ben, resource: ana.resource };
  const first = await makeCrewCall(sql, { desired: [ana] });
  const second = await makeCrewCall(sql, { ...first, desired: [twin], department: "lights" });
  await sync(sql, first);
  expect(told(await history(sql, first, ana))).toContain("call done add");
  expect(told(await history(sql, second, twin))).toContain("call done add");
});

test("tells what happened on a crew call that is gone, and refuses an id that nobody knows", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  expect(await history(sql, call)).toEqual([]);
  await sync(sql, call);
  await sql`delete from flex_crew_assignments`;
  await sql`delete from flex_crew_calls`;
  await settleWith(sql, call.flex);
  expect(told(await history(sql, call, ana))).toEqual(
    expect.arrayContaining(["call done add", "call done remove"]),
  );
  await expect(history(sql, { id: "00000000-0000-4000-8000-000000000000" })).rejects.toMatchObject({
    code: "NOCAL",
  });
});

test("is forgotten with the rest of the history", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, { ...eva, resource: null }] });
  await request(sql, call);
  await sync(sql, call);
  await moveClock(sql, "89 days");
  await sql`select flex_sync.trim_history()`;
  expect(told(await history(sql, call))).toEqual(
    expect.arrayContaining(["request joined", "plan add desired"]),
  );
  await moveClock(sql, "2 days");
  await sql`select flex_sync.trim_history()`;
  // A crew call's last sync stays.
  expect(told(await history(sql, call))).toEqual(["request opened", "sync unmapped"]);
  expect(
    await sql`select id from flex_sync.joined_requests union all select id from flex_sync.decisions`,
  ).toEqual([]);
});
