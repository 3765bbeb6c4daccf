import { expect, test } from "vitest";
import { wantsColour } from "../../../src/cli/terminal/paint.ts";
import { cli } from "../command-line.ts";

const output = (isTTY: boolean) => ({ isTTY, write: () => true });

test.each([
  ["a terminal", true, {}, true],
  ["a pipe", false, {}, false],
  ["a dumb terminal", true, { TERM: "dumb" }, false],
  ["NO_COLOR", true, { NO_COLOR: "1" }, false],
  ["an empty NO_COLOR", true, { NO_COLOR: "" }, true],
  ["FORCE_COLOR in a pipe", false, { FORCE_COLOR: "1" }, true],
  ["FORCE_COLOR=0", true, { FORCE_COLOR: "0" }, false],
  ["both", false, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
])("colours for %s: %#", (_, isTTY, env, wanted) => {
  expect(wantsColour(output(isTTY), env)).toBe(wanted);
});

test("--no-color is taken before and behind the command, for help too", async () => {
  const env = { FORCE_COLOR: "1" };
  expect((await cli(["status", "--help"], env)).stdout).toContain("\u001b[1m");
  for (const args of [
    ["--no-color", "status", "--help"],
    ["status", "--no-color", "--help"],
  ])
    expect((await cli(args, env)).stdout).not.toContain("\u001b");
});

test("help fits a narrow terminal, examples aside: they are there to be copied", async () => {
  for (const command of [[], ["status"], ["sync"], ["doctor"], ["drain"]]) {
    const { stdout } = await cli([...command, "--help"], { NO_COLOR: "1" }, { isTTY: true, columns: 40 });
    const long = stdout.split("\n").filter((line) => line.length > 40 && !/^( {2}\$ |Usage: )/.test(line));
    expect(long.filter((line) => line.trim().includes(" "))).toEqual([]);
  }
});
