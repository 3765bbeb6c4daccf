import type { DatabaseClient } from "./database-client.ts";

/** The oldest Postgres major version that the SQL runs on. */
export const OLDEST_POSTGRES = 14;

/** One applied migration, a row of `flex_sync.migrations`. */
export interface LedgerRow {
  name: string;
  hash: string;
  applied_at: Date;
  host_schema: string;
}

/**
 * The ledger of what is installed. It is our own: graphile-migrate's has a fixed schema, which the host may use
 * for itself, and compares file names only.
 */
export const CREATE_LEDGER = `
create schema if not exists flex_sync;

create table if not exists flex_sync.migrations (
  name text primary key,
  hash text not null,
  applied_at timestamptz not null default now(),
  host_schema text not null
);

comment on table flex_sync.migrations is 'Which migrations of flex-crew-sync this database has, and for which schema of the host.';
`;

/** The ledger's rows, oldest migration first; none where nothing is installed. */
export async function readLedger(client: DatabaseClient): Promise<LedgerRow[]> {
  const { rows } = await client.query("select to_regclass('flex_sync.migrations') is not null as installed");
  if (!(rows[0] as { installed: boolean }).installed) return [];
  const ledger = await client.query(
    "select name, hash, applied_at, host_schema from flex_sync.migrations order by name",
  );
  return ledger.rows as LedgerRow[];
}
