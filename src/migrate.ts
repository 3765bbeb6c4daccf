import { FlexCrewSyncError } from "./errors.ts";
import { committedMigrations, inHostSchema, type Migration } from "./migrations/committed-migrations.ts";
import {
  type DatabaseClient,
  type DatabaseTarget,
  inInstallerTransaction,
  withClient,
} from "./migrations/database-client.ts";
import { DESIRED_CREW, faultOfDesiredCrew } from "./migrations/desired-crew-columns.ts";
import { checkInstallersRights } from "./migrations/installers-rights.ts";
import { CREATE_LEDGER, type LedgerRow, OLDEST_POSTGRES, readLedger } from "./migrations/ledger.ts";

export type MigrateOptions = DatabaseTarget & {
  /** The schema of the host's tables. Default: the one of the last migration, else `public`. */
  hostSchema?: string;
  /** Gets a line for each migration applied. */
  log?: (line: string) => void;
  /** Default: the ones this package brings. */
  migrations?: Migration[];
};

export interface MigrateResult {
  /** Names of the migrations that this call applied, oldest first. */
  applied: string[];
  /** Names of those that were there before. */
  alreadyThere: string[];
  /** What was found and does not stop an installation: a replaced `desired_crew` whose columns do not fit. */
  warnings: string[];
}

/**
 * Install flex-crew-sync in a host's database, or bring it up to date: all pending migrations in one transaction,
 * under a lock, so that two callers at once are safe. Calling it again changes nothing.
 *
 * @throws FlexCrewSyncError PGOLD (Postgres below 14), NEWER (the database is ahead of this package), EDITD (an
 *   applied migration is not the one this package has), MOVED (another host schema than the installed one); an error
 *   of Postgres with the code NOROL, NOOWN (a right is missing; the hint has the statements), NOHOS, HOSTC or REFER
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const migrations = options.migrations ?? committedMigrations();
  return withClient(options, async (client) => {
    await refuseOldPostgres(client);
    const result = await whileDrainersWork(client, async () => {
      const ledger = await readLedger(client);
      refuseForeignLedger(ledger, migrations);
      const hostSchema = chooseHostSchema(ledger, options.hostSchema);
      const pending = migrations.filter(({ name }) => !ledger.some((row) => row.name === name));
      if (pending.length > 0) {
        await client.query(checkInstallersRights(hostSchema));
        await client.query(CREATE_LEDGER);
      }
      for (const migration of pending) {
        await client.query(inHostSchema(migration.sql, hostSchema));
        await client.query(
          "insert into flex_sync.migrations (name, hash, applied_at, host_schema) values ($1, $2, now(), $3)",
          [migration.name, migration.hash, hostSchema],
        );
      }
      return {
        applied: pending.map(({ name }) => name),
        alreadyThere: ledger.map(({ name }) => name),
        warnings: await warningsOf(client),
      };
    });
    for (const name of result.applied) options.log?.(`applied ${name}`);
    return result;
  });
}

/** How often Postgres may end an update for its drainers' sake. */
const DEADLOCKS = 5;

/** An update waits for tables that drainers at work hold, and they for its own: Postgres ends one of them, which tries again. */
async function whileDrainersWork<T>(client: DatabaseClient, work: () => Promise<T>): Promise<T> {
  for (let deadlocks = 0; ; deadlocks += 1) {
    try {
      return await inInstallerTransaction(client, work);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "40P01" || deadlocks === DEADLOCKS) throw error;
    }
  }
}

/** A view that does not fit blocks its own crew calls; refusing the update for it would keep mends from everybody else. */
async function warningsOf(client: DatabaseClient): Promise<string[]> {
  const fault = await faultOfDesiredCrew(client);
  return fault === null ? [] : [`${fault}. Nothing is planned before it does: ${DESIRED_CREW}`];
}

async function refuseOldPostgres(client: DatabaseClient): Promise<void> {
  const { rows } = await client.query("select current_setting('server_version_num')::int as version");
  const { version } = rows[0] as { version: number };
  if (version >= OLDEST_POSTGRES * 10_000) return;
  throw new FlexCrewSyncError(
    "PGOLD",
    `this is Postgres ${Math.floor(version / 10_000)}`,
    `flex-crew-sync needs Postgres ${OLDEST_POSTGRES} or newer: upgrade the server first`,
  );
}

function refuseForeignLedger(ledger: LedgerRow[], migrations: Migration[]): void {
  for (const { name, hash } of ledger) {
    const ours = migrations.find((migration) => migration.name === name);
    if (!ours) {
      throw new FlexCrewSyncError(
        "NEWER",
        `the database has the migration ${name}, which this package does not know`,
        "use the version of flex-crew-sync that installed it, or a newer one",
      );
    }
    if (ours.hash !== hash) {
      throw new FlexCrewSyncError(
        "EDITD",
        `the migration ${name} in the database is another one than this package has`,
        "install the released flex-crew-sync again; of a development database: uninstall, then migrate",
      );
    }
  }
}

function chooseHostSchema(ledger: LedgerRow[], wanted: string | undefined): string {
  const installed = ledger.at(-1)?.host_schema;
  if (installed !== undefined && wanted !== undefined && installed !== wanted) {
    throw new FlexCrewSyncError(
      "MOVED",
      `flex-crew-sync is installed for the tables in schema ${installed}, not ${wanted}`,
      `leave the host schema out, or name ${installed}; to move: uninstall, then migrate`,
    );
  }
  return installed ?? wanted ?? "public";
}
