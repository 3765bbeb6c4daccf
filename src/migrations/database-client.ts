import pg from "pg";

/** What installing needs of a `pg` client: one connection, outside of a transaction. */
export interface DatabaseClient {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Where to work: a connection string, or a connected `pg` client of the caller's own. */
export type DatabaseTarget =
  | { connectionString: string; client?: undefined }
  | { client: DatabaseClient; connectionString?: undefined };

/** Lend a client, and close it afterwards if it is ours. */
export async function withClient<T>(
  target: DatabaseTarget,
  work: (client: DatabaseClient) => Promise<T>,
): Promise<T> {
  if (target.client) return work(target.client);
  const client = new pg.Client({
    connectionString: target.connectionString,
    application_name: "flex-crew-sync",
  });
  // A connection that breaks while idle must not end the process; the query in progress reports it.
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * One transaction that only one installer, updater or uninstaller of a database is in at a time.
 *
 * @param work what to do in it
 */
export async function inInstallerTransaction<T>(client: DatabaseClient, work: () => Promise<T>): Promise<T> {
  // Read committed whatever the host's default: what the one before us did must be visible after the lock.
  await client.query("begin isolation level read committed read write");
  try {
    await client.query("set local statement_timeout = 0");
    await client.query(`select ${INSTALLER_LOCK}`);
    const result = await work();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  }
}

/** The named lock of everything that installs; the printed migration takes it too. */
export const INSTALLER_LOCK = "pg_advisory_xact_lock(hashtextextended('flex_sync.migrations', 0))";
