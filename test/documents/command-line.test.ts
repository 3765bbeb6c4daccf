import type { Command } from "commander";
import { expect, test } from "vitest";
import { VARIABLES } from "../../src/cli/environment.ts";
import { createProgram } from "../../src/cli/program.ts";
import { codeWords, section } from "./repository.ts";

const PAGE = "docs/cli.md";

const nowhere = { write: () => true };
const program = createProgram({
  env: {},
  stdout: nowhere,
  stderr: nowhere,
  stopSignal: () => new AbortController().signal,
  exitCode: 0,
});
const commands: readonly Command[] = program.commands;

/** First cells of the tables in a part of the page. */
function firstCells(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""));
}

test("every command has its row and its part, and every row is a command", () => {
  const names = commands.map((command) => command.name()).sort();
  const rows = firstCells(section(PAGE, "# The command line").split("\n## ")[0] ?? "").sort();
  expect(rows).toEqual(names);
});

test.each(commands.map((command) => [command.name(), command] as const))(
  "the options of %s stand in its part, and no others",
  (name, command) => {
    const options = command.options.map(({ long }) => long ?? "").sort();
    const [table = ""] = section(PAGE, `## ${name}`).split("| check | finds |");
    expect(firstCells(table).sort()).toEqual(options);
  },
);

test("the options that every command takes stand in one part", () => {
  const options = program.options.map(({ long }) => long ?? "").filter((long) => long !== "--version");
  expect(firstCells(section(PAGE, "## Every command")).sort()).toEqual([...options, "--help"].sort());
});

test("every variable that the commands read stands in the page, and no others", () => {
  expect(firstCells(section(PAGE, "## Environment")).sort()).toEqual(Object.keys(VARIABLES).sort());
});
