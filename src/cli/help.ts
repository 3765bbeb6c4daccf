import { type Command, Help } from "commander";
import { VARIABLES, type Variable } from "./environment.ts";
import { wrap } from "./terminal/text.ts";

/** A command line to copy, with what it is for where that is not plain. */
export type Example = string | readonly [command: string, purpose: string];

/**
 * What `--help` says below the options, as wide as the terminal: examples to copy, the environment that the command
 * reads, and notes.
 */
export function teach(
  command: Command,
  examples: readonly Example[],
  variables: readonly Variable[] = [],
  notes: readonly string[] = [],
): Command {
  return command.addHelpText("after", () => {
    const width = command.configureOutput().getOutHelpWidth?.() ?? 80;
    const style = (title: string) => command.createHelp().styleTitle(title);
    return [
      "",
      style("Examples:"),
      ...examples.flatMap((example) => showExample(example, width)),
      ...(variables.length > 0 ? ["", style("Environment:"), ...showVariables(variables, width)] : []),
      ...notes.flatMap((note) => ["", ...wrap(note, width)]),
    ].join("\n");
  });
}

/** How commands and options are listed where there is no room for two columns. */
export function formatItem(
  this: Help,
  term: string,
  termWidth: number,
  description: string,
  helper: Help,
): string {
  const width = this.helpWidth ?? 80;
  if (!description || width - termWidth > this.minWidthToWrap) {
    return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
  }
  return [`  ${term}`, ...wrap(`      ${description}`, width)].join("\n");
}

/** A command line is never broken: it is there to be copied. */
function showExample(example: Example, width: number): string[] {
  if (typeof example === "string") return [`  $ ${example}`];
  return [`  $ ${example[0]}`, ...wrap(`      ${example[1]}`, width)];
}

function showVariables(names: readonly Variable[], width: number): string[] {
  const column = Math.max(...names.map((name) => name.length)) + 4;
  if (width < column + 40) return names.flatMap((name) => wrap(`  ${name}: ${VARIABLES[name]}`, width, 4));
  return names.flatMap((name) =>
    wrap(VARIABLES[name], width - column).map(
      (line, number) => (number === 0 ? `  ${name}` : "").padEnd(column) + line,
    ),
  );
}
