import { Command } from "commander";
import { auditCommand } from "./audit.ts";
import type { Cli } from "./cli.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { drainCommand } from "./drain.ts";
import { VARIABLES, type Variable } from "./environment.ts";
import { teach } from "./help.ts";
import { migrateCommand } from "./migrate.ts";
import { simulateFlexCommand } from "./simulate-flex.ts";
import { statusCommand } from "./status.ts";
import { syncCommand } from "./sync.ts";
import { uninstallCommand } from "./uninstall.ts";
import { packageVersion } from "./version.ts";

/** The whole command line. */
export function createProgram(cli: Cli): Command {
  const program = new Command("flex-crew-sync")
    .description("Keeps the crew calls of Flex Rental Solutions equal to the crew planned in Postgres.")
    .version(packageVersion(), "-V, --version", "print the version");
  const commands = [
    migrateCommand,
    drainCommand,
    syncCommand,
    statusCommand,
    auditCommand,
    doctorCommand,
    uninstallCommand,
    simulateFlexCommand,
    (world: Cli) => demoCommand(world),
  ].map((make) => make(cli));
  for (const command of commands) program.addCommand(command);
  teach(
    program,
    ["flex-crew-sync migrate", "flex-crew-sync drain", "flex-crew-sync sync ID", "flex-crew-sync status"],
    Object.keys(VARIABLES) as Variable[],
  );
  program.addHelpText(
    "after",
    "\nExit codes: 0 done; 1 not in sync (people without a Flex id too), or a check failed; 2 wrong usage or\n" +
      "configuration, or an unknown id. stdout carries the result, with --json one document; stderr the rest.",
  );
  for (const command of [program, ...commands]) {
    command
      .exitOverride()
      .showHelpAfterError(`(see: ${command === program ? "" : "flex-crew-sync "}${command.name()} --help)`)
      .configureHelp({ showGlobalOptions: false })
      .configureOutput({
        writeOut: (text) => void cli.stdout.write(text),
        writeErr: (text) => void cli.stderr.write(text),
        getOutHelpWidth: () => cli.stdout.columns ?? 110,
        getErrHelpWidth: () => cli.stderr.columns ?? 110,
      });
  }
  return program;
}
