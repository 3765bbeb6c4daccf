import { afterAll, beforeAll, expect, test } from "vitest";
import { setStage } from "../cli/stage.ts";
import { ana, ben } from "../crew-call.ts";
import { read } from "../documents/repository.ts";
import { type Installation, installPackage } from "../package/install-package.ts";
import { BARE, inPlace } from "./places.ts";
import { startProgram } from "./run-program.ts";

let installed: Installation;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

/** What cron would run: five fields of time, then a command in which a `%` would end it. */
function commandOf(crontab: string): string {
  const lines = crontab.split("\n").filter((line) => line !== "" && !/^(#|[A-Z]+=)/.test(line));
  expect(lines).toHaveLength(1);
  const [, command = ""] = /^(?:[\d*/,-]+ ){5}(.*)$/.exec(lines[0] ?? "") ?? [];
  expect(command).not.toBe("");
  expect(command).not.toContain("%");
  return command;
}

test("the line for cron drains what is due, says nothing, and ends", async () => {
  const stage = await setStage();
  const call = await stage.makeCall({ desired: [ana, ben] });
  await stage.sql`select sync_crew_call(${call.id})`;
  const command = commandOf(inPlace("examples/cron/crontab", installed, stage.env));
  // The example's own PATH, where the machine's Node lies elsewhere.
  const run = startProgram("/bin/sh", ["-c", command], BARE);
  expect(await run.ended).toEqual({ code: 0, stdout: "", stderr: "" });
  const [row] = await stage.sql`select condition, recorded::int from flex_sync.crew_call_status`;
  expect(row).toEqual({ condition: "synced", recorded: 2 });
});

test("the line for cron complains, for cron to send as mail, when it cannot work", async () => {
  const stage = await setStage({ template: "empty" });
  const command = commandOf(inPlace("examples/cron/crontab", installed, stage.env));
  const { code, stderr } = await startProgram("/bin/sh", ["-c", command], BARE).ended;
  expect(code).toBe(2);
  expect(stderr).toContain("NOINS");
});

test("the crontab names a shell and a path, which cron does not inherit", () => {
  expect(read("examples/cron/crontab")).toMatch(/^SHELL=\/bin\/sh\nPATH=\/usr\/local\/bin:/m);
});
