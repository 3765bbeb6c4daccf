import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { ana, as, ben, type CrewCall, cleo, dan, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, recordedIn, request } from "./asking.ts";
import { answer, type Claimed, claim, send, settleWith, step } from "./drain-with.ts";
import type { FlexInMemory } from "./flex-in-memory.ts";

interface Done {
  id: string;
  token: string;
  line: string | null;
  status: number;
}

/** What Flex answers to the writes; readings are left out. */
function sendAll(flex: FlexInMemory, claimed: Claimed[]): Done[] {
  return (
    claimed
      .filter(({ kind }) => kind !== "observe")
      // A removal is answered as `answer` has it.
      .map((one) => ({
        id: one.id,
        token: one.token,
        line: send(flex, one) || null,
        status: one.kind === "remove" ? 204 : 200,
      }))
  );
}

async function recordDone(sql: Sql, done: Done[]): Promise<string[]> {
  const rows = await sql<{ operation_id: string }[]>`
    select operation_id from flex_sync.record_done(${JSON.stringify(done)}::text::jsonb)`;
  return rows.map(({ operation_id }) => operation_id);
}

/** A crew call with somebody to add, to give a role and to remove, read already. */
async function begin(sql: Sql): Promise<CrewCall> {
  await sql`insert into flex_sync.business_roles values ('sound', 'R', 'responsible')`;
  await sql`update flex_sync.settings set element_concurrency = 10`;
  const call = await makeCrewCall(sql, {
    desired: [as(ana, "SND-FOH-R"), as(ben, "SND-MON-R"), as(cleo, "SND-RF-R")],
    recorded: [cleo, dan],
    inFlex: [cleo, dan],
  });
  await request(sql, call);
  await step(sql, call.flex);
  return call;
}

/** What is remembered, without times, numbers and ids that are made up. */
async function remembered(sql: Sql, call: CrewCall) {
  const lines = new Map(
    call.flex.linesOf(call.element).map((line) => [line.flex_line_item_id, line.flex_resource_id]),
  );
  const named = (line: string | null) => (line === null ? null : (lines.get(line) ?? "gone"));
  const outbox =
    await sql`select kind, state, reason, attempts, http_status, error, flex_resource_id, flex_line_item_id,
      flex_role_id, after_operation_id, finished_at is not null as over from flex_sync.outbox where kind <> 'observe' order by kind, flex_resource_id`;
  const calls =
    await sql`select kind, outcome, http_status, error, flex_resource_id, flex_line_item_id, answered_at is not null as answered
    from flex_sync.calls where kind <> 'observe' order by kind, flex_resource_id`;
  const ledger =
    await sql`select flex_line_item_id, flex_element_id = ${call.element} as here, flex_resource_id, crew_call_id = ${call.id} as ours,
    technician_id, source, gone_at is not null as gone from flex_sync.ledger order by flex_resource_id, technician_id`;
  const seen =
    await sql`select flex_line_item_id, flex_resource_id, is_contact, present, added_at is not null as added, removed_at is not null as removed,
    written_role_id from flex_sync.lines order by flex_resource_id`;
  const syncs =
    await sql`select outcome, added, removed, roles_set, kept, failed, flex_calls from flex_sync.syncs order by id`;
  const rows = [...outbox, ...calls, ...ledger, ...seen].map((row) => ({
    ...row,
    flex_line_item_id: named(row.flex_line_item_id),
  }));
  return { rows, syncs, recorded: Object.keys(await recordedIn(sql, call)).sort() };
}

test("adds, roles and removals recorded together leave what their own functions leave", async () => {
  const [together, alone] = [await createDatabase(), await createDatabase()];
  const one = await begin(together.sql);
  for (let rounds = 0; rounds < 2; rounds += 1) {
    const done = sendAll(one.flex, await claim(together.sql));
    expect(await recordDone(together.sql, done)).toEqual(
      done.map(({ id }) => id).sort((a, b) => Number(a) - Number(b)),
    );
  }
  const other = await begin(alone.sql);
  for (let rounds = 0; rounds < 2; rounds += 1)
    for (const operation of await claim(alone.sql)) await answer(alone.sql, other.flex, operation);

  const [found, expected] = [await remembered(together.sql, one), await remembered(alone.sql, other)];
  expect(found).toEqual(expected);
  expect(found.syncs).toMatchObject([{ outcome: "synced", added: 2, removed: 1, roles_set: 3 }]);
  expect(await conditionOf(together.sql, one)).toBe("synced");
});

test("what is out of the ordinary is left as it is, and the rest is recorded", async () => {
  const { sql } = await createDatabase();
  const call = await begin(sql);
  const done = sendAll(call.flex, await claim(sql));
  const [first, second] = done.filter(({ line }) => line !== null) as [Done, Done];
  // A claim that was taken over, and an answer that names a line which was there before.
  const known = call.lineOf(cleo);
  const told = done.map((one) =>
    one === first ? { ...one, token: randomUUID() } : one === second ? { ...one, line: known } : one,
  );
  const recorded = await recordDone(sql, told);
  expect(recorded).toHaveLength(done.length - 2);
  expect(recorded).not.toContain(first.id);
  expect(recorded).not.toContain(second.id);
  const left =
    await sql`select id, state from flex_sync.outbox where id = any (${[first.id, second.id]}) order by id`;
  expect(left.map(({ state }) => state)).toEqual(["sending", "sending"]);
  const [add] = await sql`select flex_sync.record_add(${first.id}, ${first.token}, ${first.line}) as result`;
  expect(add?.result).toBe("recorded");
  expect(
    await recordDone(
      sql,
      done.filter(({ id }) => recorded.includes(id)),
    ),
  ).toEqual([]);
});

test("an add whose crew call points elsewhere by now is left to its own function", async () => {
  const { sql } = await createDatabase();
  const call = await begin(sql);
  const claimed = await claim(sql);
  await sql`update flex_crew_calls set flex_element_id = ${randomUUID()} where id = ${call.id}`;
  const recorded = await recordDone(sql, sendAll(call.flex, claimed));
  const adds = claimed.filter(({ kind }) => kind === "add").map(({ id }) => id);
  expect(adds).toHaveLength(2);
  expect(recorded.filter((id) => adds.includes(id))).toEqual([]);
});

test("a row that the host's table refuses, at once or at the commit, undoes all of it; alone it spoils nothing", async () => {
  for (const deferred of ["", "deferrable initially deferred"]) {
    const { sql } = await createDatabase();
    const call = await begin(sql);
    await sql.unsafe(`create function refuse() returns trigger language plpgsql as $$
        begin if new.technician_id = '${ana.id}' then raise exception 'no'; end if; return new; end $$;
      create constraint trigger refuse after insert on flex_crew_assignments ${deferred} for each row execute function refuse()`);
    const claimed = await claim(sql);
    const done = sendAll(call.flex, claimed);
    await expect(recordDone(sql, done)).rejects.toMatchObject({ code: "P0001" });
    const [still] = await sql`select count(*)::int as number from flex_sync.outbox where state = 'sending'`;
    expect(still?.number).toBe(done.length);

    for (const { id, token, line, status } of done.filter((one) => one.line !== null))
      await sql`select flex_sync.record_add(${id}, ${token}, ${line}, '{}', ${status})`;
    expect(
      await recordDone(
        sql,
        done.filter((one) => one.line === null),
      ),
    ).toHaveLength(2);
    await settleWith(sql, call.flex);
    expect(Object.keys(await recordedIn(sql, call)).sort()).toEqual([ben.id, cleo.id]);
    expect(await conditionOf(sql, call)).toBe("blocked host_table");
  }
});

test("a column whose domain is never empty undoes all of it; alone each gets its row", async () => {
  const { sql } = await createDatabase();
  await sql.unsafe(`create domain kept as text not null;
    alter table flex_crew_assignments add column note kept default 'a host wants it'`);
  const call = await begin(sql);
  const done = sendAll(call.flex, await claim(sql));
  await expect(recordDone(sql, done)).rejects.toThrow("does not allow null");
  for (const { id, token, line, status } of done.filter((one) => one.line !== null)) {
    const [add] = await sql`select flex_sync.record_add(${id}, ${token}, ${line}, '{}', ${status}) as result`;
    expect(add?.result).toBe("recorded");
  }
  expect(Object.keys(await recordedIn(sql, call)).sort()).toEqual([ana.id, ben.id, cleo.id, dan.id]);
});

test("an answer takes no entry in an index of the calls", async () => {
  const { sql } = await createDatabase();
  const call = await begin(sql);
  const done = sendAll(call.flex, await claim(sql));
  await sql.begin(async (tx) => {
    expect(await recordDone(tx as unknown as Sql, done)).toHaveLength(done.length);
    const [updates] =
      await tx`select pg_stat_get_xact_tuples_updated(oid)::int as all, pg_stat_get_xact_tuples_hot_updated(oid)::int as in_place
      from pg_class where oid = 'flex_sync.calls'::regclass`;
    expect(updates?.all).toBeGreaterThanOrEqual(done.length);
    expect(updates?.in_place).toBe(updates?.all);
  });
});
