import { randomBytes, randomUUID } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { migrate } from "../../src/migrate.ts";
import { ana, ben, cleo, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, recordedIn, request, sync } from "./asking.ts";
import { drainWith, settleWith } from "./drain-with.ts";

const HOST_WITH_UUIDS = `
  create table jobs (id uuid primary key);
  create table profiles (id uuid primary key, flex_resource_id uuid, department text, name text);
  create table job_assignments (job_id uuid references jobs on delete cascade, technician_id uuid references profiles on delete cascade,
    sound_role text, lights_role text, video_role text, primary key (job_id, technician_id));
  create table flex_crew_calls (id uuid primary key, job_id uuid references jobs on delete cascade, department text, flex_element_id uuid);
  create table flex_crew_assignments (id uuid primary key default gen_random_uuid(),
    crew_call_id uuid references flex_crew_calls on delete cascade, technician_id uuid references profiles on delete cascade,
    flex_line_item_id uuid, created_at timestamptz default now())`;

async function install(connectionString: string): Promise<void> {
  await migrate({ connectionString });
  await applyCurrent(connectionString);
}

/** A database whose owner, who installs, is no superuser. */
async function installedByOwner(): Promise<{ sql: Sql; owner: Sql }> {
  const { sql, url, name } = await createDatabase({ template: "empty" });
  const role = `flex_test_owner_${randomBytes(4).toString("hex")}`;
  await sql.unsafe(`create role ${role} login password 'owner'; alter database ${name} owner to ${role}`);
  const ownerUrl = new URL(url);
  ownerUrl.username = role;
  ownerUrl.password = "owner";
  await install(ownerUrl.href);
  const owner = postgres(ownerUrl.href, { max: 2, onnotice: () => {} });
  onTestFinished(async () => {
    await owner.end({ timeout: 1 });
    const admin = postgres(new URL("/postgres", url).href, { max: 1, onnotice: () => {} });
    await sql.unsafe(`drop owned by ${role} cascade`).catch(() => {});
    await admin.unsafe(`alter database ${name} owner to current_user`).catch(() => {});
    await admin.unsafe(`drop role if exists ${role}`).catch(() => {});
    await admin.end();
  });
  return { sql, owner };
}

describe("a host whose columns are uuid", () => {
  test("is kept in sync like any other", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await sql.unsafe(HOST_WITH_UUIDS);
    await install(url);
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ben, cleo], inFlex: [cleo] });
    expect(await request(sql, call)).toMatchObject({ to_add: [{ technician_id: ana.id }] });
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, ben.resource]);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id, ben.id]);
    expect(await conditionOf(sql, call)).toBe("synced");
    const lines = [randomUUID(), randomUUID()];
    await sql`select flex_sync.write_assignments(${[call.id, call.id]}::uuid[], ${[ana.id, cleo.id]}::uuid[], ${lines})`;
    expect(await recordedIn(sql, call)).toMatchObject({ [ana.id]: lines[0], [cleo.id]: lines[1] });
    await unassign(sql, call, [ana]);
    await sync(sql, call);
    await sql`delete from jobs`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
  });
});

describe("an owner who is no superuser", () => {
  test("installs and syncs", async () => {
    const { owner } = await installedByOwner();
    const call = await makeCrewCall(owner, { desired: [ana, ben] });
    await request(owner, call);
    await drainWith(owner, call.flex);
    expect(await conditionOf(owner, call)).toBe("synced");
  });

  test.each(["job_assignments", "profiles", "flex_crew_calls", "flex_crew_assignments"])(
    "is told of a policy that would hide rows of %s: it is no empty crew",
    async (table) => {
      const { sql, owner } = await installedByOwner();
      const call = await makeCrewCall(owner, { desired: [ana, ben] });
      await sync(owner, call);
      await request(owner, call);
      await sql.unsafe(`alter table ${table} force row level security`);
      await drainWith(owner, call.flex);
      expect(await conditionOf(sql, call)).toBe("blocked host_view");
      expect(await sql`select outcome from flex_sync.syncs order by id`).toEqual([
        { outcome: "synced" },
        { outcome: "blocked" },
      ]);
      expect(await request(owner, call)).toMatchObject({ condition: "blocked", to_remove: [] });
      await drainWith(owner, call.flex);
      expect(call.flex.writes).toHaveLength(2);
      await sql.unsafe(`alter table ${table} no force row level security`);
      await sync(owner, call);
      expect(await conditionOf(sql, call)).toBe("synced");
      expect(call.flex.writes).toHaveLength(2);
    },
  );
});
