import { FlexCrewSyncError } from "./errors.ts";
import { type DatabaseTarget, inInstallerTransaction, withClient } from "./migrations/database-client.ts";
import { type Belongings, findBelongings } from "./uninstall/belongings.ts";
import { dropRoles } from "./uninstall/drop-roles.ts";

export type UninstallOptions = DatabaseTarget & {
  /** Do it. Without a yes the call only lists what it would do. */
  yes?: boolean;
};

export interface UninstallResult {
  /** Whether it was done, or only listed. */
  done: boolean;
  /** What went away, or would: one line each. */
  removed: string[];
  /** What stays, and why. */
  left: string[];
}

/**
 * Take flex-crew-sync out of a host's database: its triggers, functions, schema and roles. The host's tables, their
 * rows and the unique constraint on `flex_crew_assignments` stay; copies of duplicate rows that the installation
 * removed are moved to the host's schema.
 *
 * @throws FlexCrewSyncError NOTIN where flex-crew-sync is not installed
 */
export async function uninstall(options: UninstallOptions): Promise<UninstallResult> {
  return withClient(options, (client) =>
    inInstallerTransaction(client, async () => {
      const found = await findBelongings(client);
      if (!found.installed) {
        throw new FlexCrewSyncError(
          "NOTIN",
          "flex-crew-sync is not installed in this database",
          "see that DATABASE_URL names the right one",
        );
      }
      const left = whatStays(found);
      if (!options.yes) {
        const roles = found.roles.map((role) => `role ${role}, unless a database or a member still uses it`);
        return { done: false, removed: [...whatGoes(found), ...roles], left };
      }
      for (const statement of statements(found)) await client.query(statement);
      const roles = await dropRoles(client, found.roles);
      return { done: true, removed: [...whatGoes(found), ...roles.removed], left: [...left, ...roles.left] };
    }),
  );
}

function statements({ triggers, indexes, functions, copies }: Belongings): string[] {
  const keepCopies = copies && [
    `create table ${copies} as table flex_sync.removed_duplicates`,
    // A host may grant every new table to everybody, as Supabase does in public.
    `alter table ${copies} enable row level security`,
    `comment on table ${copies} is 'Rows of flex_crew_assignments that flex-crew-sync removed as duplicates when it was installed.'`,
  ];
  return [
    ...triggers.map(({ name, table }) => `drop trigger ${name} on ${table}`),
    ...indexes.map((index) => `drop index ${index}`),
    ...(keepCopies ?? []),
    "drop schema flex_sync cascade",
    // After the schema: its views and functions use these.
    ...functions.map((signature) => `drop function if exists ${signature} cascade`),
  ];
}

function whatGoes({ triggers, indexes, functions, dependents }: Belongings): string[] {
  return [
    ...triggers.map(({ name, table }) => `trigger ${name} on ${table}`),
    ...indexes.map((index) => `index ${index}`),
    ...functions.map((signature) => `function ${signature}`),
    "schema flex_sync, with everything in it",
    ...dependents.map((object) => `${object}, which uses it`),
  ];
}

function whatStays({ hostTables, copies }: Belongings): string[] {
  return [
    ...hostTables.map((table) => `table ${table} and its rows`),
    ...hostTables
      .filter((table) => table.endsWith(".flex_crew_assignments"))
      .map((table) => `the unique constraint of ${table} on (crew_call_id, technician_id)`),
    ...(copies ? [`copies of removed duplicate rows, in ${copies}`] : []),
  ];
}
