import postgres from "postgres";
import { describe, expect, test } from "vitest";
import type { Check } from "../../src/doctor/check.ts";
import { committedMigrations } from "../../src/migrations/committed-migrations.ts";
import { shippedFunctions } from "../../src/shipped-functions.ts";
import { ana, as, ben } from "../crew-call.ts";
import { allMigrations } from "../migrations/tiny-migrations.ts";
import { createDatabase } from "../postgres/database.ts";
import { cli, type Env } from "./command-line.ts";
import { setStage } from "./stage.ts";

async function examine(env: Env) {
  const { code, stdout } = await cli(["doctor", "--json"], env);
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  const wrong = checks.filter((check) => check.status !== "ok" && !isUncommitted(check));
  return {
    code,
    stdout,
    checks,
    wrong: wrong.map(({ name, status }) => `${name} ${status}`),
    find: find(checks),
  };
}

/** Tests run on the migration that is being written, too; the package ships what is committed. */
function isUncommitted({ name, message }: Check): boolean {
  const shipped = shippedFunctions(committedMigrations().map(({ sql }) => sql));
  const written = shippedFunctions(allMigrations().map(({ sql }) => sql));
  const named = message.match(/\w+\.\w+/g) ?? [];
  return name === "functions" && named.every((one) => shipped.get(one) !== written.get(one));
}

const find = (checks: Check[]) => (name: string) => checks.find((check) => check.name === name) as Check;

describe("flex-crew-sync doctor", () => {
  test("finds nothing wrong with a good installation, and counts its call", async () => {
    const { env, sql, flex, makeCall } = await setStage();
    await makeCall({ desired: [ana] });
    const { code, wrong, checks } = await examine(env);
    expect(wrong).toEqual([]);
    expect(code).toBe(0);
    expect(checks.map(({ name }) => name)).toContain("notifications");
    expect(flex.calls).toHaveLength(1);
    const calls = await sql`select kind, outcome, http_status from flex_sync.calls`;
    expect([...calls]).toEqual([{ kind: "user", outcome: "done", http_status: 200 }]);
    const words = await cli(["doctor"], env);
    expect(words.stdout).toMatch(/^ok +node/);
    expect(words.code).toBe(0);
  });

  test("says what is missing before anything is installed", async () => {
    const { url } = await createDatabase({ template: "empty" });
    const { code, wrong, find } = await examine({ DATABASE_URL: url });
    expect(wrong).toEqual(["installed fail", "flex_base_url fail", "flex_token fail"]);
    expect(find("installed").mend).toContain("flex-crew-sync migrate");
    expect(find("flex_base_url").message).toBe("FLEX_BASE_URL is not set");
    expect(code).toBe(1);
  });

  test.each([
    ["no DATABASE_URL", {}, "database fail"],
    [
      "a database that is down",
      { DATABASE_URL: "postgres://me:hidden-password@127.0.0.1:1/none" },
      "database fail",
    ],
    ["an address that is none", { DATABASE_URL: "hidden-password" }, "database fail"],
  ])("survives %s", async (_, env, found) => {
    const { code, wrong, stdout } = await examine(env);
    expect(wrong).toContain(found);
    expect(code).toBe(1);
    expect(stdout).not.toContain("hidden-password");
  });

  test("tells a refused token from a Flex that is down and from a wrong address", async () => {
    const { env, flex } = await setStage();
    const refused = await examine({ ...env, FLEX_AUTH_TOKEN: "wrong-token-0123456789" });
    expect(refused.wrong).toEqual(["flex fail"]);
    expect(refused.stdout).not.toContain("wrong-token-0123456789");
    flex.fault({ route: "any", do: { kind: "gateway", status: 503 } });
    expect((await examine(env)).find("flex")).toMatchObject({ status: "fail" });
    const nobody = await examine({ ...env, FLEX_BASE_URL: "http://127.0.0.1:1/f5/api" });
    expect(nobody.find("flex").message).toContain("cannot be reached");
    const wrong = await examine({ ...env, FLEX_BASE_URL: "http://flex.example/f5/api" });
    expect(wrong.find("flex_base_url")).toMatchObject({ status: "fail" });
    expect(wrong.find("flex")).toBeUndefined();
  });

  test("finds settings that cannot work, roles without ids, a pause and work that nobody does", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [as(ana, "SND-FOH-R"), ben] });
    await sql`select sync_crew_call(${call.id})`;
    await sql`update flex_sync.outbox set due_at = now() - interval '5 min', created_at = now() - interval '5 min'`;
    await sql`update flex_sync.settings set element_concurrency = 9`;
    expect((await examine(env)).wrong).toEqual(["settings warn", "business_roles warn", "drainer fail"]);
    await sql`select flex_sync.pause('lunch')`;
    await sql`update flex_sync.settings set hourly_limit = 0`;
    const { wrong, code } = await examine(env);
    expect(wrong).toEqual(
      expect.arrayContaining(["settings fail", "paused warn", "quota fail", "flex warn"]),
    );
    expect(code).toBe(1);
    const slow = await examine({ ...env, FLEX_TIMEOUT_MS: "40000" });
    expect(slow.find("settings").message).toContain("lease");
  });

  test("finds that notifications do not arrive", async () => {
    const { env } = await setStage();
    const other = await createDatabase({ template: "empty" });
    const { find, code } = await examine({ ...env, LISTEN_DATABASE_URL: other.url });
    expect(find("notifications")).toMatchObject({ status: "warn" });
    expect(code).toBe(0);
  });

  test("finds an open breaker and its reason", async () => {
    const { env, sql } = await setStage();
    await sql`update flex_sync.tenant set breaker_opened_at = now(), breaker_reason = 'token_refused', probe_at = now()`;
    const { find } = await examine(env);
    expect(find("breaker")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("token_refused"),
    });
  });

  test("finds a view with other columns, a lost unique constraint, and rows that a policy hides", async () => {
    const { env, sql, name } = await setStage();
    await sql`alter table flex_crew_assignments drop constraint flex_crew_assignments_crew_call_technician_key`;
    const [owner] = await sql`select ${`flex_test_owner_${name.slice(-12)}`} as name`;
    await sql.unsafe(`create role ${owner?.name} superuser`);
    await sql.unsafe(`alter function sync_crew_call(uuid, boolean, boolean, text) owner to ${owner?.name}`);
    await sql.unsafe(`alter role ${owner?.name} nosuperuser`);
    const bound = await examine(env);
    expect(bound.wrong).toEqual(["row_level_security fail", "unique_constraint fail"]);
    await sql`drop view flex_sync.desired_crew cascade`;
    await sql`create view flex_sync.desired_crew as select 'a'::text as crew_call_id`;
    expect((await examine(env)).find("desired_crew")).toMatchObject({ status: "fail" });
    await sql.unsafe(`reassign owned by ${owner?.name} to current_user`);
    await sql.unsafe(`drop role ${owner?.name}`);
  });

  test("asks as a user who may do nothing, and says what to grant", async () => {
    const { env, sql, url, name, flex } = await setStage();
    const user = `flex_test_user_${name.slice(-12)}`;
    await sql.unsafe(`create role ${user} login password 'hidden-password'`);
    const its = new URL(url);
    its.username = user;
    its.password = "hidden-password";
    const { find, code, stdout } = await examine({ ...env, DATABASE_URL: its.href });
    expect(find("privileges").mend).toBe(`grant flex_sync_drainer to ${user};`);
    expect(find("settings")).toMatchObject({ status: "warn" });
    expect(find("flex").message).toContain("not counted");
    expect(stdout).not.toContain("hidden-password");
    expect(code).toBe(1);
    expect(flex.calls).toHaveLength(1);
    await sql.unsafe(`drop role ${user}`);
    const gone = postgres(its.href, { max: 1, onnotice: () => {} });
    await expect(gone`select 1`).rejects.toMatchObject({ code: "28P01" });
    await gone.end();
    expect((await examine({ ...env, DATABASE_URL: its.href })).wrong).toContain("database fail");
  });
});
