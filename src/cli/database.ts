import postgres, { type Sql, type TransactionSql } from "postgres";
import type { Cli } from "./cli.ts";
import { databaseSettings } from "./environment.ts";

/** Lends a connection to the database of DATABASE_URL, for one command. */
export async function withDatabase<T>(cli: Cli, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect(databaseSettings(cli.env).databaseUrl);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 }).catch(() => {});
  }
}

/** A small pool that works behind a pooler in transaction mode. */
export function connect(url: string, max = 2): Sql {
  return postgres(url, {
    max,
    prepare: false,
    connect_timeout: 10,
    onnotice: () => {},
    connection: { application_name: "flex-crew-sync" },
  });
}

/** A transaction as planning needs it, whatever this database's default is. */
export async function inReadCommitted<T>(
  sql: Sql,
  work: (transaction: TransactionSql) => T | Promise<T>,
): Promise<T> {
  return (await sql.begin("isolation level read committed", work)) as T;
}

/** A transaction that reads. A view over many crew calls looks dear: Postgres would compile it for longer than it takes. */
export async function withoutCompiling<T>(
  sql: Sql,
  work: (transaction: TransactionSql) => T | Promise<T>,
): Promise<T> {
  return (await sql.begin("read only", async (transaction) => {
    await transaction`select set_config('jit', 'off', true)`;
    return work(transaction);
  })) as T;
}
