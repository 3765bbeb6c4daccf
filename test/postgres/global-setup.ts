import { randomBytes } from "node:crypto";
import { accessSync, constants, statfsSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { prepareTemplate } from "./template.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgres: { url: string; template: string; version: number; failure: string };
  }
}

/**
 * One Postgres for the whole run: the embedded one, of the major version in POSTGRES_VERSION if that is set, or the
 * server in TEST_DATABASE_URL (a superuser's URL). The migrations are applied once, to a template.
 */
export default async function setUpPostgres(project: TestProject): Promise<() => Promise<void>> {
  const server = await chooseServer();
  const template = `flex_test_template_${randomBytes(4).toString("hex")}`;
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  const [row] = await admin`select current_setting('server_version_num')::int / 10000 as version`;
  // Tests without a database go on when the SQL being written does not run; createDatabase says why it does not.
  const failure = await prepareTemplate(admin, server.url, template).then(
    () => "",
    (error: unknown) => String(error),
  );
  project.provide("postgres", { url: server.url, template, version: Number(row?.version), failure });
  return async () => {
    await admin`update pg_database set datistemplate = false where datname = ${template}`;
    await admin.unsafe(`drop database if exists ${template} with (force)`);
    await admin.end();
    await server.stop();
  };
}

async function chooseServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const { TEST_DATABASE_URL: url, POSTGRES_VERSION: version } = process.env;
  if (url) return { url, stop: async () => {} };
  const dataDir = folderInMemory();
  const server = await startEmbeddedPostgres({
    ...(version ? { version: Number(version) } : {}),
    ...(dataDir ? { dataDir, keep: false } : {}),
    params: {
      fsync: "off",
      full_page_writes: "off",
      max_connections: 400,
      shared_buffers: "128MB",
    },
  });
  return { url: server.url, stop: () => server.stop("immediate") };
}

const MEMORY = "/dev/shm";
/** What tests at work fill, several times over. */
const ROOMY_BYTES = 6e9;

/**
 * Where files are kept in memory a database is made in a third of the time, and each test makes one.
 *
 * @returns a folder that is not there yet; none where memory has no place for files, or too small a one
 */
function folderInMemory(): string | undefined {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize > ROOMY_BYTES
      ? join(MEMORY, `flex-crew-sync-test-${randomBytes(6).toString("hex")}`)
      : undefined;
  } catch {
    return undefined;
  }
}
