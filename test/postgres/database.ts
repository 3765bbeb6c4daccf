import { randomBytes } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { inject, onTestFinished } from "vitest";
import { databaseUrl } from "./database-url.ts";

/** A database of one test's own. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** `postgres://…` of a superuser. */
  readonly url: string;
  /** A pool of up to ten connections; notices are silent. */
  readonly sql: Sql;
  /** Close the pool and drop the database, whoever is still connected. Harmless when done twice. */
  drop(): Promise<void>;
}

export interface CreateDatabaseOptions {
  /** `migrated` (default) has flex-crew-sync installed for the schema `public`, `empty` has nothing. */
  template?: "migrated" | "empty";
}

/**
 * Create a database for the test that is running, in about a tenth of a second. It is dropped when the test has
 * finished; called in a hook such as `beforeAll`, drop it yourself.
 */
export async function createDatabase({
  template = "migrated",
}: CreateDatabaseOptions = {}): Promise<TestDatabase> {
  const server = inject("postgres");
  if (template === "migrated" && server.failure) throw new Error(server.failure);
  const name = `flex_test_${randomBytes(6).toString("hex")}`;
  await administer(
    `create database ${name} template ${template === "migrated" ? server.template : "template0"}`,
  );
  const url = databaseUrl(server.url, name);
  const sql = postgres(url, { max: 10, onnotice: () => {} });
  let dropped: Promise<void> | undefined;
  const drop = () => {
    dropped ??= dropDatabase(sql, name);
    return dropped;
  };
  dropAtTheEnd(drop);
  return { name, url, sql, drop, [Symbol.asyncDispose]: drop };
}

async function dropDatabase(sql: Sql, name: string): Promise<void> {
  await sql.end({ timeout: 1 });
  await administer(`drop database if exists ${name} with (force)`);
}

function dropAtTheEnd(drop: () => Promise<void>): void {
  try {
    onTestFinished(drop);
  } catch {
    // Not inside a test but in a hook or at the top of the file: there the caller drops.
  }
}

let admin: Sql | undefined;

/** Run a statement as the server's administrator, on one connection per test file. */
async function administer(statement: string): Promise<void> {
  admin ??= postgres(inject("postgres").url, { max: 1, idle_timeout: 5, onnotice: () => {} });
  await admin.unsafe(statement);
}
