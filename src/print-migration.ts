import { committedMigrations, inHostSchema, type Migration } from "./migrations/committed-migrations.ts";
import { INSTALLER_LOCK } from "./migrations/database-client.ts";
import { checkInstallersRights } from "./migrations/installers-rights.ts";
import { CREATE_LEDGER, OLDEST_POSTGRES } from "./migrations/ledger.ts";

export interface PrintMigrationOptions {
  /** The schema of the host's tables. Default: `public`. */
  hostSchema?: string;
  /** Default: the ones this package brings. */
  migrations?: Migration[];
}

/**
 * The same installation as `migrate`, as one SQL file for psql (`psql -v ON_ERROR_STOP=1 -1 -f file`) or a host's
 * own migration tool. It begins and commits no transaction: run it in one. Running it again changes nothing.
 */
export function printMigration(options: PrintMigrationOptions = {}): string {
  const { hostSchema = "public", migrations = committedMigrations() } = options;
  const names = migrations.map(({ name }) => literal(name)).join(", ") || "''";
  return [
    "-- flex-crew-sync: installs or updates the schema flex_sync. Run it in one transaction;",
    "-- what is there already is left as it is.",
    block([
      `if current_setting('server_version_num')::int < ${OLDEST_POSTGRES}0000 then`,
      `  raise exception 'flex-crew-sync needs Postgres ${OLDEST_POSTGRES} or newer' using errcode = 'PGOLD';`,
      "end if;",
      `perform ${INSTALLER_LOCK};`,
    ]),
    checkInstallersRights(hostSchema),
    CREATE_LEDGER.trim(),
    block([
      `if exists (select from flex_sync.migrations where name not in (${names})) then`,
      "  raise exception 'the database has a newer flex-crew-sync than this file'",
      "    using errcode = 'NEWER', hint = 'print the migrations with the version that installed it, or a newer one';",
      "end if;",
      `if exists (select from flex_sync.migrations where host_schema <> ${literal(hostSchema)}) then`,
      "  raise exception 'flex-crew-sync is installed for the tables of another schema'",
      "    using errcode = 'MOVED', hint = 'see flex_sync.migrations.host_schema';",
      "end if;",
    ]),
    ...migrations.map((migration) => guarded(migration, hostSchema)),
    "",
  ].join("\n\n");
}

/** One migration that runs only where the ledger lacks it. */
function guarded({ name, hash, sql }: Migration, hostSchema: string): string {
  const text = inHostSchema(sql, hostSchema);
  const tag = unusedTag(text, "migration");
  return block([
    `if exists (select from flex_sync.migrations where name = ${literal(name)} and hash <> ${literal(hash)}) then`,
    `  raise exception 'the migration ${name} in the database is another one than in this file' using errcode = 'EDITD';`,
    "end if;",
    `if not exists (select from flex_sync.migrations where name = ${literal(name)}) then`,
    `execute ${tag}\n${text}${tag};`,
    "insert into flex_sync.migrations (name, hash, host_schema)",
    `values (${literal(name)}, ${literal(hash)}, ${literal(hostSchema)});`,
    "end if;",
  ]);
}

function block(lines: string[]): string {
  const body = lines.join("\n");
  const tag = unusedTag(body, "flex_crew_sync");
  return `do ${tag}\nbegin\n${body}\nend\n${tag};`;
}

/** A dollar quote that does not occur in the text. */
function unusedTag(text: string, word: string): string {
  let tag = `$${word}$`;
  for (let number = 1; text.includes(tag); number += 1) tag = `$${word}_${number}$`;
  return tag;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
