import { describe, expect, test } from "vitest";
import { ana, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { sync } from "./asking.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

/** Whether a role may run a statement: nothing is left of it afterwards. */
async function may(sql: Database, role: string, statement: string): Promise<boolean> {
  const undo = new Error("undo");
  try {
    await sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${role}`);
      await tx.unsafe(statement);
      throw undo;
    });
  } catch (error) {
    if (error === undo) return true;
    if ((error as { code?: string }).code === "42501") return false;
    throw error;
  }
  return true;
}

const ROLES = ["flex_sync_app", "flex_sync_drainer", "flex_sync_operator"];

describe("privileges", () => {
  test.each([
    ["select sync_crew_call('CALL')", [true, false, true]],
    ["select sync_crew_for_job('JOB')", [true, false, true]],
    ["select flex_sync.explain('CALL')", [true, true, true]],
    ["select * from flex_sync.crew_call_status", [true, true, true]],
    ["select * from flex_sync.crew_status", [true, true, true]],
    ["select * from flex_sync.metrics", [true, true, true]],
    ["select * from flex_sync.syncs, flex_sync.outbox", [true, true, true]],
    [
      "select * from flex_sync.tenant, flex_sync.settings, flex_sync.lines, flex_sync.elements",
      [false, true, true],
    ],
    ["select * from flex_sync.ledger, flex_sync.operator_log", [false, false, true]],
    ["update flex_sync.settings set policy = 'owned'", [false, false, true]],
    ["insert into flex_sync.business_roles values ('sound', 'R', 'x')", [false, false, true]],
    ["update flex_sync.outbox set state = 'done'", [false, false, false]],
    ["delete from flex_sync.ledger", [false, false, false]],
    ["select flex_sync.set_policy('CALL', 'owned')", [false, false, true]],
    ["select flex_sync.pause('test'), flex_sync.resume()", [false, false, true]],
    ["select flex_sync.retry_failed('CALL')", [false, false, true]],
    ["select flex_sync.enable_auto_sync(), flex_sync.disable_auto_sync()", [false, false, true]],
    ["select flex_sync.tick(), flex_sync.next_work_at(), flex_sync.clock()", [false, true, false]],
    ["select * from flex_sync.claim_operations('x', 1, '15 s')", [false, true, false]],
    ["select flex_sync.claim_probe('x', '1 s')", [false, true, false]],
    ["select flex_sync.record_remove(1, gen_random_uuid())", [false, true, false]],
    ["select flex_sync.plan_element('x')", [false, false, false]],
    ["select flex_sync.enter_ledger('x', 'x', 'x', null, null, 'added')", [false, false, false]],
  ])("%s: app, drainer, operator %j", async (statement, expected) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    const allowed: boolean[] = [];
    for (const role of ROLES)
      allowed.push(await may(sql, role, statement.replace("CALL", call.id).replace("JOB", call.job)));
    expect(allowed).toEqual(expected);
  });

  test("give nothing to PUBLIC", async () => {
    const { sql } = await createDatabase();
    expect(
      await sql`select pg_proc.oid::regprocedure from pg_proc
        cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) as granted
        where (pronamespace = 'flex_sync'::regnamespace or proname in ('sync_crew_call', 'sync_crew_for_job'))
          and granted.grantee = 0`,
    ).toEqual([]);
    expect(
      await sql`select pg_class.oid::regclass from pg_class cross join lateral aclexplode(relacl) as granted
        where relnamespace = 'flex_sync'::regnamespace and granted.grantee = 0`,
    ).toEqual([]);
  });

  test("pin the search_path of every function that runs with its owner's rights", async () => {
    const { sql } = await createDatabase();
    expect(
      await sql`select oid::regprocedure from pg_proc
        where (pronamespace = 'flex_sync'::regnamespace or proname in ('sync_crew_call', 'sync_crew_for_job'))
          and prosecdef and not coalesce(array_to_string(proconfig, ' ') like '%search_path=pg_catalog, flex_sync, pg_temp%', false)`,
    ).toEqual([]);
  });
});
