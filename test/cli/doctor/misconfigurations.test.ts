import { describe, expect, test } from "vitest";
import { judgeSkew, judgeVersion } from "../../../src/doctor/server-checks.ts";
import { migrate } from "../../../src/migrate.ts";
import { section } from "../../documents/repository.ts";
import { cli, type Env } from "../command-line.ts";
import { type Stage, setStage } from "../stage.ts";
import { examine } from "./examine.ts";
import { addresses, ofFlex } from "./of-flex.ts";
import { ofTheHost } from "./of-the-host.ts";
import { ofTheInstallation } from "./of-the-installation.ts";
import { ofTheServer } from "./of-the-server.ts";

const all = [...ofTheServer, ...ofTheInstallation, ...ofTheHost, ...ofFlex];

/** Runs what `run` says as it stands: SQL as the database's owner, a shell's export, our own commands. */
async function follow(run: string, stage: Stage, env: Env): Promise<Env> {
  const [, name, value] = /^export (\w+)=(\S+)$/.exec(run) ?? [];
  if (name) return { ...env, [name]: value };
  if (!run.startsWith("flex-crew-sync ")) {
    await stage.sql.unsafe(run);
    return env;
  }
  for (const command of run.split(" && ")) {
    if (command === "flex-crew-sync drain") await stage.startDrain();
    else expect(await cli(command.split(" ").slice(1), env)).toMatchObject({ code: 0 });
  }
  return env;
}

describe("flex-crew-sync doctor", () => {
  test.each(all)("finds $name", async (misconfiguration) => {
    const { check: name, status, make, mend, names, also = [], asShipped } = misconfiguration;
    const stage = await setStage({ template: asShipped ? "empty" : "migrated" });
    if (asShipped) await migrate({ connectionString: stage.url });
    const env = { ...stage.env, ...(await make(stage)) };
    const sick = await examine(env);
    expect(sick.find(name)).toMatchObject({ status });
    expect(sick.find(name).message).toContain(names);
    expect(sick.wrong.filter((one) => one !== `${name} ${status}` && !also.includes(one))).toEqual([]);
    expect(sick.code).toBe(sick.wrong.some((one) => one.endsWith(" fail")) ? 1 : 0);

    const check = sick.find(name);
    expect(check.mend).not.toBeNull();
    if (check.run === null && !mend) return;
    const cured =
      check.run !== null ? await follow(check.run, stage, env) : { ...env, ...(await mend?.(stage, check)) };
    await expect.poll(async () => (await examine(cured)).wrong, { timeout: 20_000 }).toEqual([]);
  });

  test("at least fifteen of them have a command, and no check is left untried", async () => {
    const { env } = await setStage();
    const { checks } = await examine(env);
    const tried = new Set(all.map(({ check }) => check));
    // Those cannot be made wrong here: see the judges below, and doctor.test.ts.
    const others = ["node", "database", "postgres_version", "clock", "synchronous_commit"];
    expect(
      checks.map(({ name }) => name).filter((name) => !tried.has(name) && !others.includes(name)),
    ).toEqual([]);
    expect(all.length).toBeGreaterThan(40);
  });

  test("every check stands in docs/cli.md, in its order", async () => {
    const { env } = await setStage();
    const { checks } = await examine(env);
    const [, table = ""] = section("docs/cli.md", "## doctor").split("| check | finds |");
    const documented = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(documented).toEqual(checks.map(({ name }) => name));
  });

  test.each(addresses)("knows what the address %s means", async (given, meant) => {
    const { find, stdout } = await examine({ FLEX_BASE_URL: given });
    expect(find("flex_base_url")).toMatchObject({
      status: "fail",
      run: meant && `export FLEX_BASE_URL=${meant}`,
    });
    if (!given.includes("/")) expect(stdout).not.toContain(given.slice(0, 20).replace("acme", "\u0000"));
  });

  test.each([
    ["13.22", 130_022, "fail"],
    ["14.0", 140_000, "ok"],
    ["18.1", 180_001, "ok"],
    ["19devel", 190_000, "warn"],
  ])("judges Postgres %s", (version, number, status) => {
    expect(judgeVersion(version, number)).toMatchObject({ status });
  });

  test("tells of clocks that differ, which do no harm", () => {
    expect([judgeSkew(29_000), judgeSkew(-31_000)]).toMatchObject([{ status: "ok" }, { status: "warn" }]);
  });
});
