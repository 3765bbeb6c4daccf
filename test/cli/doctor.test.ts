import postgres from "postgres";
import { describe, expect, test } from "vitest";
import { ana } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { cli } from "./command-line.ts";
import { examine } from "./doctor/examine.ts";
import { setStage } from "./stage.ts";

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
    expect(find("installed").run).toBe("flex-crew-sync migrate");
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
    expect(wrong.checks.map(({ name }) => name)).not.toContain("flex");
  });

  test("asks as a user who may do nothing, and says what to grant", async () => {
    const { env, sql, url, name, flex } = await setStage();
    const user = `flex_test_user_${name.slice(-12)}`;
    await sql.unsafe(`create role ${user} login password 'hidden-password'`);
    const its = new URL(url);
    its.username = user;
    its.password = "hidden-password";
    const { find, code, stdout } = await examine({ ...env, DATABASE_URL: its.href });
    expect(find("privileges").run).toBe(`grant flex_sync_drainer to ${user};`);
    expect(find("lease")).toMatchObject({
      status: "warn",
      mend: expect.stringContaining("flex_sync_operator"),
    });
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
