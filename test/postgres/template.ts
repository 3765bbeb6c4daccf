import type { Sql } from "postgres";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { migrate } from "../../src/migrate.ts";
import { databaseUrl } from "./database-url.ts";

/** Create the database that tests are cloned from: the committed migrations, and on top the one being written. */
export async function prepareTemplate(admin: Sql, serverUrl: string, template: string): Promise<void> {
  await admin.unsafe(`create database ${template} template template0`);
  const connectionString = databaseUrl(serverUrl, template);
  await migrate({ connectionString });
  await applyCurrent(connectionString);
  await admin`update pg_database set datistemplate = true, datallowconn = false where datname = ${template}`;
}
