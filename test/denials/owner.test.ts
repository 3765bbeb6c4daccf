import postgres, { type Sql } from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { migrate } from "../../src/migrate.ts";
import { ana, ben, makeCrewCall, unassign } from "../crew-call.ts";
import { conditionOf, request } from "../functions/asking.ts";
import { settleWith } from "../functions/drain-with.ts";
import { roleName, startServerWithRoles, tryAs } from "./hosted-database.ts";

/** A server where an administrator made the roles, and an owner of a database who is no superuser and may not create any. */
async function ownedDatabase(): Promise<{ sql: Sql; owner: Sql; ownerUrl: string; role: string }> {
  const { sql, url, stop } = await startServerWithRoles();
  const role = roleName("owner");
  await sql.unsafe(`
    create role flex_sync_app; create role flex_sync_drainer; create role flex_sync_operator;
    create role ${role} login password 'owner';
    grant flex_sync_app to ${role} with admin option`);
  await sql.unsafe(`create database owned owner ${role}`);
  const ownerUrl = Object.assign(new URL(url), {
    username: role,
    password: "owner",
    pathname: "/owned",
  }).href;
  const owner = postgres(ownerUrl, { max: 2, onnotice: () => {} });
  onTestFinished(async () => {
    await owner.end({ timeout: 1 });
    await stop();
  });
  return { sql, owner, ownerUrl, role };
}

test("an owner who is no superuser installs, although service_role is an administrator's, and syncs", async () => {
  const { owner, ownerUrl } = await ownedDatabase();
  await migrate({ connectionString: ownerUrl });
  await applyCurrent(ownerUrl);
  const call = await makeCrewCall(owner, { desired: [ana, ben] });
  await request(owner, call);
  await settleWith(owner, call.flex);
  await unassign(owner, call, [ben]);
  await request(owner, call);
  await settleWith(owner, call.flex);
  expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  expect(await conditionOf(owner, call)).toBe("synced");
  // Nothing of ours runs as somebody mightier than the owner.
  expect(
    await owner`select distinct rolsuper, rolbypassrls from pg_proc join pg_roles on pg_roles.oid = proowner
      where pronamespace = 'flex_sync'::regnamespace or proname like 'sync_crew%'`,
  ).toEqual([{ rolsuper: false, rolbypassrls: false }]);
});

test("an owner who is no superuser reaches nothing of another database's roles by what we made", async () => {
  const { sql, ownerUrl, role } = await ownedDatabase();
  await migrate({ connectionString: ownerUrl });
  await applyCurrent(ownerUrl);
  for (const other of ["flex_sync_drainer", "flex_sync_operator", "service_role"])
    expect([other, await tryAs(sql, role, `set role ${other}`)]).toEqual([other, "42501"]);
});
