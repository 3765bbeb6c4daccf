import type { Command } from "commander";
import { VARIABLES, type Variable } from "./environment.ts";

/** What `--help` says below the options: examples to copy, and the environment that the command reads. */
export function teach(
  command: Command,
  examples: readonly string[],
  variables: readonly Variable[],
): Command {
  const width = Math.max(...variables.map((name) => name.length), 0) + 2;
  const lines = [
    "",
    "Examples:",
    ...examples.map((example) => `  $ ${example}`),
    ...(variables.length > 0 ? ["", "Environment:"] : []),
    ...variables.map((name) => `  ${name.padEnd(width)}${VARIABLES[name]}`),
  ];
  return command.addHelpText("after", lines.join("\n"));
}
