import postgres, { type Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { ana, assign, ben, makeCrewCall, unassign } from "../crew-call.ts";
import { conditionOf, recordedIn, request, sync } from "../functions/asking.ts";
import { drainWith, settleWith } from "../functions/drain-with.ts";
import { createDatabase, type TestDatabase } from "../postgres/database.ts";

/** A trigger of the host's on its own table, run at every write of ours. */
async function hostTrigger(sql: Sql, body: string): Promise<void> {
  await sql.unsafe(`
    create function public.host_trigger() returns trigger language plpgsql as $$
    begin
      ${body}
      return coalesce(new, old);
    end $$;
    create trigger host_trigger before insert or update or delete on flex_crew_assignments
    for each row execute function public.host_trigger();`);
}

/** A schema with tables named like ours: whoever looks there first finds them. */
async function decoys(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create schema decoy;
    create table decoy.outbox as select * from flex_sync.outbox where false;
    create table decoy.calls as select * from flex_sync.calls where false;
    create table decoy.ledger as select * from flex_sync.ledger where false;
    create table decoy.lines as select * from flex_sync.lines where false;
    create table decoy.syncs as select * from flex_sync.syncs where false;
    create table decoy.settings as select * from flex_sync.settings where false;
    create table decoy.due_elements as select * from flex_sync.due_elements where false;`);
}

/** Ben leaves and ana comes: rows are written at an add, at a removal and at a reading. */
async function oneHistory({ sql, url }: TestDatabase, body: string) {
  const call = await makeCrewCall(sql, { desired: [ben], inFlex: [] });
  await sync(sql, call);
  await decoys(sql);
  await hostTrigger(sql, body);
  await unassign(sql, call, [ben]);
  await assign(sql, call, [ana]);
  await request(sql, call);
  // A drainer has connections of its own, and what a trigger sets for the session stays with them.
  const drainer = postgres(url, { max: 2, onnotice: () => {} });
  await settleWith(drainer, call.flex);
  await drainer.end();
  return call;
}

describe("a trigger of the host's on flex_crew_assignments", () => {
  test.each([
    ["for its statement", "true"],
    ["for the session", "false"],
  ])("that changes search_path %s does not lead recording elsewhere", async (_name, local) => {
    const database = await createDatabase();
    const { sql } = database;
    const call = await oneHistory(database, `perform set_config('search_path', 'decoy, public', ${local});`);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id]);
    expect(await conditionOf(sql, call)).toBe("synced");
    const [row] =
      await sql`select (select count(*)::int from decoy.outbox) + (select count(*)::int from decoy.ledger) + (select count(*)::int from decoy.due_elements) as led_astray,
      (select count(*)::int from flex_sync.outbox where state in ('pending', 'sending', 'unknown')) as open`;
    expect(row).toEqual({ led_astray: 0, open: 0 });
  });

  test.each([
    ["row security", "perform set_config('row_security', 'off', false);"],
    [
      "how times are told",
      "perform set_config('datestyle', 'German', false); perform set_config('intervalstyle', 'sql_standard', false);",
    ],
    ["when a commit is durable", "perform set_config('synchronous_commit', 'off', false);"],
    ["how long anything may wait", "perform set_config('lock_timeout', '1ms', false);"],
  ])("that changes %s for the session stops nothing", async (_name, body) => {
    const database = await createDatabase();
    const { sql } = database;
    const call = await oneHistory(database, body);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test.each([
    ["raises", "raise exception 'the host says no' using errcode = 'HOSTX';"],
    ["changes its role", "perform set_config('role', 'flex_sync_app', false);"],
    ["changes its session", "perform set_config('session_authorization', 'flex_sync_app', false);"],
    ["divides by zero", "perform 1 / 0;"],
    ["asks for what is not there", "perform from not_there;"],
  ])("that %s blocks its crew call and nothing else", async (_name, body) => {
    const { sql } = await createDatabase();
    const other = await makeCrewCall(sql, { desired: [ben] });
    const call = await makeCrewCall(sql, { desired: [ana] });
    await hostTrigger(sql, `if new.crew_call_id = '${call.id}' then ${body} end if;`);
    await request(sql, call);
    await request(sql, other);
    await drainWith(sql, call.flex);
    await drainWith(sql, other.flex);
    expect(await conditionOf(sql, call)).toBe("blocked host_table");
    expect(await conditionOf(sql, other)).toBe("synced");
    // Flex has the line, the ledger knows it, and it is not added again.
    expect(await sql`select flex_resource_id from flex_sync.ledger where crew_call_id = ${call.id}`).toEqual([
      { flex_resource_id: ana.resource },
    ]);
    expect(await sql`select id from flex_sync.outbox where state = 'sending'`).toEqual([]);
    await sql`drop trigger host_trigger on flex_crew_assignments`;
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect([...call.flex.writes, ...other.flex.writes]).toHaveLength(2);
  });

  test.each([
    [
      "a deferred trigger of the host's that raises",
      `create function public.at_commit() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create constraint trigger refuses after insert or update or delete on flex_crew_assignments
       deferrable initially deferred for each row execute function public.at_commit()`,
    ],
    [
      "a deferred foreign key that does not hold",
      `create table public.contracts (technician_id uuid primary key);
       alter table flex_crew_assignments add constraint refuses
       foreign key (technician_id) references public.contracts deferrable initially deferred`,
    ],
  ])("as %s blocks its crew call and loses nothing", async (_name, refusing) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sql.unsafe(refusing);
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("blocked host_table");
    expect(await sql`select flex_resource_id from flex_sync.ledger`).toEqual([
      { flex_resource_id: ana.resource },
    ]);
    await sql.unsafe(
      "drop trigger if exists refuses on flex_crew_assignments; alter table flex_crew_assignments drop constraint if exists refuses",
    );
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(call.flex.writes).toHaveLength(1);
  });

  test("that swallows the row blocks nothing, and nobody is added twice", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await hostTrigger(sql, "return null;");
    await sync(sql, call);
    await sync(sql, call);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  });

  test("that asks for a sync again comes to rest", async () => {
    const database = await createDatabase();
    const { sql } = database;
    const call = await oneHistory(
      database,
      "perform public.sync_crew_call(case when tg_op = 'DELETE' then old.crew_call_id else new.crew_call_id end);",
    );
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(await sql`select id from flex_sync.syncs where finished_at is null`).toEqual([]);
  });
});
