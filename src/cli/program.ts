import { Command } from "commander";
import { auditCommand } from "./audit.ts";
import type { Cli, Output } from "./cli.ts";
import { completionCommand } from "./completion.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { drainCommand } from "./drain.ts";
import { VARIABLES, type Variable } from "./environment.ts";
import { formatItem, teach } from "./help.ts";
import { historyCommand } from "./history.ts";
import { migrateCommand } from "./migrate.ts";
import { simulateFlexCommand } from "./simulate-flex.ts";
import { statusCommand } from "./status.ts";
import { syncCommand } from "./sync.ts";
import { paint, wantsColour } from "./terminal/paint.ts";
import { uninstallCommand } from "./uninstall.ts";
import { packageVersion } from "./version.ts";

/** A pipe or a file is as wide as this. */
const WIDTH = 100;

/** The whole command line. */
export function createProgram(cli: Cli): Command {
  const program = new Command("flex-crew-sync")
    .description("Keeps the crew calls of Flex Rental Solutions equal to the crew planned in Postgres.")
    .version(packageVersion(), "-V, --version", "print the version")
    .option("--no-color", "no colours, as with NO_COLOR=1; every command takes it")
    // As soon as it is read: help has colours too.
    .on("option:no-color", () => {
      cli.env = { ...cli.env, NO_COLOR: "1" };
    });
  const commands = [
    statusCommand,
    historyCommand,
    syncCommand,
    drainCommand,
    auditCommand,
    doctorCommand,
    migrateCommand,
    uninstallCommand,
    simulateFlexCommand,
    (world: Cli) => demoCommand(world),
    (world: Cli) => completionCommand(world, program),
  ].map((make) => make(cli));
  for (const command of commands) program.addCommand(command);
  teach(
    program,
    [
      ["flex-crew-sync status", "what is not in sync, the most urgent first"],
      ["flex-crew-sync status ID", "one crew call: who is missing, why, and what to do about it"],
      ["flex-crew-sync history ID", "what happened there, request by request and call by call"],
      ["flex-crew-sync sync ID", "make Flex show a crew call's crew, and wait for it"],
      ["flex-crew-sync doctor", "nothing works: what is wrong, and how to mend it"],
      ["flex-crew-sync migrate && flex-crew-sync drain", "install, and start the daemon"],
    ],
    Object.keys(VARIABLES) as Variable[],
    [
      "Exit codes: 0 done; 1 not in sync (people without a Flex id too), or a check failed; 2 wrong usage or configuration, or an unknown id. stdout carries the result, with --json one document; stderr the rest.",
    ],
  );
  for (const command of [program, ...commands]) dress(command, program, cli);
  return program;
}

/** What all commands share: how they write, and how their help looks. */
function dress(command: Command, program: Command, cli: Cli): void {
  const bold = (text: string) => paint(cli.stdout, { FORCE_COLOR: "1" }).bold(text);
  command
    .exitOverride()
    .showHelpAfterError(`(see: ${command === program ? "" : "flex-crew-sync "}${command.name()} --help)`)
    .configureHelp({ styleTitle: bold, formatItem })
    .configureOutput({
      writeOut: (text) => void cli.stdout.write(text),
      writeErr: (text) => void cli.stderr.write(text),
      getOutHelpWidth: () => widthOf(cli.stdout),
      getErrHelpWidth: () => widthOf(cli.stderr),
      getOutHasColors: () => wantsColour(cli.stdout, cli.env),
      getErrHasColors: () => wantsColour(cli.stderr, cli.env),
    });
}

function widthOf(output: Output): number {
  return (output.isTTY === true && output.columns) || WIDTH;
}
