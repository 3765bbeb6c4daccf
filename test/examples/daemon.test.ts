import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { setStage } from "../cli/stage.ts";
import { ana, ben } from "../crew-call.ts";
import { read } from "../documents/repository.ts";
import { findProgram } from "../needs.ts";
import { type Installation, installPackage } from "../package/install-package.ts";
import { BARE, inPlace, readEnvironment } from "./places.ts";
import { startProgram } from "./run-program.ts";

const run = promisify(execFile);
let installed: Installation;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

/** What a unit file says under a name, every time it says it. */
const said = (unit: string, name: string) =>
  unit.split("\n").flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));

test("the systemd unit starts a drainer that works and ends with 0 when it is stopped", async () => {
  const stage = await setStage();
  const unit = inPlace("examples/daemon/flex-crew-sync.service", installed, stage.env);
  const [command = "", ...args] = (said(unit, "ExecStart")[0] ?? "").split(" ");
  const env = readEnvironment(readFileSync(said(unit, "EnvironmentFile")[0] ?? "", "utf8"));
  expect(Object.keys(env)).toEqual(["DATABASE_URL", "FLEX_BASE_URL", "FLEX_AUTH_TOKEN"]);
  const drainer = startProgram(command, args, { ...BARE, ...env });
  await drainer.says(/"ready"/);
  const call = await stage.makeCall({ desired: [ana, ben] });
  await stage.sql`select sync_crew_call(${call.id})`;
  await vi.waitUntil(
    async () => {
      const [row] = await stage.sql`select condition from flex_sync.crew_call_status`;
      return row?.condition === "synced";
    },
    { timeout: 30_000 },
  );
  expect(await drainer.stop()).toBe(0);
});

test("the systemd unit does not start again what a wrong setting ended", async () => {
  const stage = await setStage();
  const unit = inPlace("examples/daemon/flex-crew-sync.service", installed, stage.env);
  const [command = "", ...args] = (said(unit, "ExecStart")[0] ?? "").split(" ");
  const drainer = startProgram(command, args, { ...BARE, ...stage.env, FLEX_AUTH_TOKEN: "" });
  expect(said(unit, "RestartPreventExitStatus")).toEqual([String((await drainer.ended).code)]);
});

test("the systemd unit is one that systemd can read", async () => {
  const unit = inPlace("examples/daemon/flex-crew-sync.service", installed, {});
  const lines = unit.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(lines.filter((line) => !/^(\[(Unit|Service|Install)\]|[A-Z]\w+=.*)$/.test(line))).toEqual([]);
  const analyze = findProgram("systemd-analyze");
  if (!analyze) return;
  const file = join(installed.folder, "flex-crew-sync.service");
  writeFileSync(file, unit);
  // It tells of other units of the machine, too.
  const { stderr } = await run(analyze, ["verify", "--man=no", file]).catch((error) => error);
  expect(
    String(stderr)
      .split("\n")
      .filter((line) => line.includes("flex-crew-sync")),
  ).toEqual([]);
});

test("the Procfile's release installs, and its drainer drains", async () => {
  const stage = await setStage({ template: "empty" });
  const lines = read("examples/daemon/Procfile").trim().split("\n");
  const commands = Object.fromEntries(
    lines.map((line) => /^(\w+): (.*)$/.exec(line)?.slice(1) ?? [line, ""]),
  );
  expect(Object.keys(commands)).toEqual(["release", "drainer"]);
  const start = (command: string) =>
    startProgram("sh", ["-c", `exec ${command}`], { ...BARE, ...stage.env }, { cwd: installed.folder });
  expect(await start(commands.release ?? "").ended).toMatchObject({ code: 0 });
  const drainer = start(commands.drainer ?? "");
  await drainer.says(/"ready"/);
  expect(await drainer.stop()).toBe(0);
});
