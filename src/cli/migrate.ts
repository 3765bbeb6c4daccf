import { Command } from "commander";
import { migrate } from "../migrate.ts";
import { printMigration } from "../print-migration.ts";
import { type Cli, writeLines } from "./cli.ts";
import { databaseSettings } from "./environment.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";

type MigrateFlags = { print?: boolean; hostSchema?: string };

/** `flex-crew-sync migrate`: install or update. */
export function migrateCommand(cli: Cli): Command {
  const command = new Command("migrate")
    .summary("install flex-crew-sync in the database, or bring it up to date")
    .description(
      "Installs the schema flex_sync and the functions in public, or brings them up to date: all in one transaction;\n" +
        "running it again changes nothing. The host's tables are adopted where they are, and made where they are not.",
    )
    .option("--print", "write one SQL file to stdout instead, for a migration tool of your own")
    .option(
      "--host-schema <NAME>",
      "the schema of your tables (public, or where it is installed for already)",
    )
    .action((flags: MigrateFlags) => runMigrate(cli, flags));
  return teach(
    command,
    [
      "flex-crew-sync audit && flex-crew-sync migrate",
      "flex-crew-sync migrate --host-schema app",
      "flex-crew-sync migrate --print > flex-crew-sync.sql && psql -1 -v ON_ERROR_STOP=1 -f flex-crew-sync.sql",
    ],
    ["DATABASE_URL"],
  );
}

async function runMigrate(cli: Cli, { print = false, hostSchema }: MigrateFlags): Promise<void> {
  const schema = hostSchema === undefined ? {} : { hostSchema };
  if (print) {
    cli.stdout.write(printMigration(schema));
  } else {
    const { databaseUrl: connectionString } = databaseSettings(cli.env);
    const { applied, alreadyThere, warnings } = await migrate({ connectionString, ...schema });
    writeLines(
      cli.stdout,
      applied.map((name) => `applied ${name}`),
    );
    if (applied.length === 0) cli.stdout.write(`already up to date (${alreadyThere.length} migrations)\n`);
    writeLines(
      cli.stderr,
      warnings.map((warning) => `warning: ${warning}`),
    );
    cli.stderr.write("Next: flex-crew-sync doctor\n");
  }
  cli.exitCode = EXIT.done;
}
