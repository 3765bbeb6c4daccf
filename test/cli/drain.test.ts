import { describe, expect, test } from "vitest";
import { ana, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { cli, start } from "./command-line.ts";
import { setStage } from "./stage.ts";

const crew = Array.from({ length: 12 }, (_, n) => person(n + 1));

describe("flex-crew-sync drain", () => {
  test("makes no Flex call of its own, logs JSON lines, and ends with 0 on SIGTERM", async () => {
    const { flex, startDrain } = await setStage();
    const drain = await startDrain();
    drain.kill("SIGTERM");
    const { code, stdout, stderr } = await drain.ended;
    expect(code).toBe(0);
    expect(stdout).toBe("");
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ msg }) => msg)).toEqual([
      "ready",
      "stopping: what is in flight ends first",
      "stopped",
    ]);
    expect(flex.calls).toHaveLength(0);
  });

  test("stopped in the middle, it lets what is in flight end, and another one finishes", async () => {
    const { env, sql, flex, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: crew });
    const first = await startDrain();
    flex.fault({ route: "add", nth: 2, times: 1, do: { kind: "wait" } });
    await sql`select sync_crew_call(${call.id})`;
    await flex.waitForCalls(3, { route: "add" });
    first.kill("SIGTERM");
    await first.says("stopping");
    flex.release();
    expect((await first.ended).code).toBe(0);
    expect(await sql`select from flex_sync.outbox where state in ('sending', 'unknown')`).toHaveLength(0);
    await startDrain();
    const { code, stdout } = await cli(["sync", call.id, "--json"], env);
    expect(JSON.parse(stdout).crew_calls).toMatchObject([{ condition: "synced" }]);
    expect(code).toBe(0);
    const lines = flex.contactLinesOf(call.element);
    expect(new Set(lines.map(({ resourceId }) => resourceId)).size).toBe(crew.length);
    expect(lines).toHaveLength(crew.length);
  });

  test("a second signal ends it at once", async () => {
    const { sql, flex, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const drain = await startDrain();
    flex.fault({ route: "any", do: { kind: "hang" } });
    await sql`select sync_crew_call(${call.id})`;
    await flex.waitForCalls(1);
    drain.kill("SIGINT");
    await drain.says("stopping");
    drain.kill("SIGINT");
    expect((await drain.ended).code).toBe(130);
  });

  test("two at once share the work, and nobody is added twice", async () => {
    const { env, flex, makeCall, startDrain } = await setStage();
    const calls = [await makeCall({ desired: crew }), await makeCall({ desired: crew.slice(0, 6) })];
    await Promise.all([startDrain(), startDrain()]);
    const { code } = await cli(["sync", ...calls.map(({ id }) => id)], env);
    expect(code).toBe(0);
    expect(calls.map(({ element }) => flex.contactLinesOf(element).length)).toEqual([12, 6]);
  });

  test("drains once and exits", async () => {
    const { env, sql, flex, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    await sql`select sync_crew_call(${call.id})`;
    const { code, stderr } = await cli(["drain", "--once"], env);
    expect(code).toBe(0);
    expect(stderr).toContain('"nothing is due any more"');
    expect(flex.contactLinesOf(call.element)).toHaveLength(1);
  });

  test("logs one-liners in a terminal", async () => {
    const { env } = await setStage();
    const { stderr } = await cli(["drain", "--once"], { ...env, NO_COLOR: "1" }, { isTTY: true });
    expect(stderr).toMatch(/^\d\d:\d\d:\d\d nothing is due any more operations=0\n$/);
  });

  test.each([
    ["nothing set", {}, "DBURL"],
    ["no Flex", { DATABASE_URL: "postgres://127.0.0.1:1/none" }, "BSURL"],
    [
      "an unknown log level",
      {
        DATABASE_URL: "postgres://127.0.0.1:1/none",
        FLEX_BASE_URL: "http://127.0.0.1:1/f5/api",
        FLEX_AUTH_TOKEN: "x",
        LOG_LEVEL: "loud",
      },
      "LOGLV",
    ],
    [
      "plain http to another machine",
      {
        DATABASE_URL: "postgres://127.0.0.1:1/none",
        FLEX_BASE_URL: "http://flex.example/f5/api",
        FLEX_AUTH_TOKEN: "x",
      },
      "BSURL",
    ],
  ])("refuses to start with %s", async (_, env, found) => {
    const { code, stderr } = await cli(["drain"], env);
    expect(code).toBe(2);
    expect(stderr).toContain(`(${found})`);
  });

  test("names everything that is missing at once, and takes X_AUTH_TOKEN", async () => {
    const nothing = await cli(["drain"], {});
    for (const name of ["DATABASE_URL", "FLEX_BASE_URL", "FLEX_AUTH_TOKEN"])
      expect(nothing.stderr).toContain(name);
    const { env } = await setStage();
    const { FLEX_AUTH_TOKEN, ...others } = env;
    expect((await cli(["drain", "--once"], { ...others, X_AUTH_TOKEN: FLEX_AUTH_TOKEN })).code).toBe(0);
  });

  test("says that nothing is installed", async () => {
    const { env } = await setStage();
    const { url } = await createDatabase({ template: "empty" });
    const { code, stderr } = await start(["drain"], { ...env, DATABASE_URL: url }).ended;
    expect(code).toBe(2);
    expect(stderr).toContain("(NOINS)");
    expect(stderr).toContain("flex-crew-sync migrate");
  });
});
