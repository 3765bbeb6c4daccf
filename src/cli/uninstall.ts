import { Command } from "commander";
import { uninstall } from "../uninstall.ts";
import { type Cli, writeLines } from "./cli.ts";
import { databaseSettings } from "./environment.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";

/** `flex-crew-sync uninstall`: lists what would go, and takes it away with --yes. */
export function uninstallCommand(cli: Cli): Command {
  const command = new Command("uninstall")
    .summary("take the schema and the functions away again")
    .description(
      "Takes the schema flex_sync, its functions, triggers and roles away. Your tables and their rows stay.\n" +
        "Without --yes it only lists what would go.",
    )
    .option("--yes", "do it")
    .action((flags: { yes?: boolean }) => runUninstall(cli, flags));
  return teach(command, ["flex-crew-sync uninstall", "flex-crew-sync uninstall --yes"], ["DATABASE_URL"]);
}

async function runUninstall(cli: Cli, { yes = false }: { yes?: boolean }): Promise<void> {
  const { databaseUrl: connectionString } = databaseSettings(cli.env);
  const { done, removed, left } = await uninstall({ connectionString, yes });
  writeLines(cli.stdout, [
    done ? "Removed:" : "This would go:",
    ...removed.map((line) => `  ${line}`),
    done ? "Left as it is:" : "This would stay:",
    ...left.map((line) => `  ${line}`),
  ]);
  if (!done) cli.stderr.write("Nothing was done. To do it: flex-crew-sync uninstall --yes\n");
  cli.exitCode = EXIT.done;
}
