import { describe, expect, test } from "vitest";
import { ana, ben, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, dryRun, lastSync, newest, recordedIn, request, sync } from "./asking.ts";
import { drainWith, settleWith } from "./drain-with.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

async function refuseRows(sql: Database, when: "insert or update" | "delete"): Promise<void> {
  await sql.unsafe(`create function refuse() returns trigger language plpgsql
    as $$ begin raise exception 'not today'; end $$;
    create trigger refuse before ${when} on flex_crew_assignments for each row execute function refuse()`);
}

describe("a row that the host's table refuses", () => {
  test("closes operation and ledger all the same and blocks the crew call, until a sync can write it", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await refuseRows(sql, "insert or update");
    await sync(sql, call);
    expect((await newest(sql, call, "add")).state).toBe("done");
    expect(await sql`select flex_resource_id from flex_sync.ledger`).toEqual([
      { flex_resource_id: ana.resource },
    ]);
    expect(await conditionOf(sql, call)).toBe("blocked host_table");
    expect((await lastSync(sql, call)).outcome).toBe("blocked");
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(1);
    await sql`drop trigger refuse on flex_crew_assignments`;
    await sync(sql, call);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("blocks no longer once nobody wants it", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await refuseRows(sql, "insert or update");
    await sync(sql, call);
    await unassign(sql, call, [ana, ben]);
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("because it cannot be deleted blocks the crew call too", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana, ben], inFlex: [ana, ben] });
    await refuseRows(sql, "delete");
    await sync(sql, call);
    expect((await newest(sql, call, "remove")).state).toBe("done");
    expect(await conditionOf(sql, call)).toBe("blocked host_table");
    await sql`drop trigger refuse on flex_crew_assignments`;
    await sync(sql, call);
    await settleWith(sql, call.flex);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("a view of the host that cannot be read", () => {
  const broken = `create or replace view flex_sync.desired_crew as
    select id as crew_call_id, id as technician_id, (1 / 0)::text as flex_resource_id, null::text as role_code
    from flex_crew_calls`;

  test("blocks the crew call and is no empty crew, whether asked or read", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana] });
    const [view] = await sql`select pg_get_viewdef('flex_sync.desired_crew') as text`;
    await request(sql, call);
    await sql.unsafe(broken);
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("blocked host_view");
    expect(await request(sql, call)).toMatchObject({ condition: "blocked", to_remove: [] });
    await drainWith(sql, call.flex);
    expect(await dryRun(sql, call)).toMatchObject({ condition: "blocked", sync_id: null });
    expect(call.flex.writes).toEqual([]);
    expect(await sql`select id from flex_sync.syncs where finished_at is null`).toEqual([]);
    await sql.unsafe(`create or replace view flex_sync.desired_crew as ${view?.text}`);
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("blocks a crew call that was never read, and ends its sync", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sql.unsafe(broken);
    await request(sql, call);
    await drainWith(sql, call.flex);
    expect(await lastSync(sql, call)).toMatchObject({ outcome: "blocked", finished_at: expect.any(Date) });
  });
});
