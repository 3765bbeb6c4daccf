import postgres, { type Sql } from "postgres";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";

/** The one server that everything in a run is measured on. Commits are durable: fsync and synchronous_commit are on. */
export type BenchServer = {
  url: string;
  /** As the server says it, such as `18.1`. */
  version: string;
  /** Server settings that are not Postgres's defaults. */
  params: Record<string, string>;
  /** A database of its own: with flex-crew-sync installed, or without anything. */
  createDatabase(kind?: "installed" | "empty"): Promise<BenchDatabase>;
  stop(): Promise<void>;
};

export type BenchDatabase = {
  name: string;
  url: string;
  /** A pool for arranging and checking; what is measured brings connections of its own. */
  sql: Sql;
  drop(): Promise<void>;
};

const TEMPLATE = "installed";
const PARAMS = { shared_buffers: "512MB", max_wal_size: "4GB", max_connections: "200" };

export async function startServer(): Promise<BenchServer> {
  const server = await startEmbeddedPostgres({ params: PARAMS });
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  const urlOf = (name: string) => server.url.replace(/\/postgres$/, `/${name}`);
  await admin.unsafe(`create database ${TEMPLATE} template template0`);
  await migrate({ connectionString: urlOf(TEMPLATE) });
  await applyCurrent(urlOf(TEMPLATE));
  const [row] = await admin<[{ version: string }]>`select current_setting('server_version') as version`;
  let made = 0;
  return {
    url: server.url,
    version: row.version,
    params: PARAMS,
    async createDatabase(kind = "installed") {
      const name = `bench_${++made}`;
      await admin.unsafe(`create database ${name} template ${kind === "installed" ? TEMPLATE : "template0"}`);
      const url = urlOf(name);
      // Whatever waits for a lock for so long waits for ever: the part fails instead.
      const connection = { lock_timeout: 60_000 };
      const sql = postgres(url, { max: 8, onnotice: () => {}, connection });
      const drop = async () => {
        await sql.end({ timeout: 1 });
        await admin.unsafe(`drop database if exists ${name} with (force)`);
      };
      return { name, url, sql, drop };
    },
    async stop() {
      await admin.end({ timeout: 1 });
      await server.stop();
    },
  };
}

/** Write out what is dirty, so that no measurement pays for what was arranged before it. */
export async function settle(sql: Sql): Promise<void> {
  await sql.unsafe("vacuum analyze");
  await sql.unsafe("checkpoint");
}
