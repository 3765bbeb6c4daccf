import type { Sql, TransactionSql } from "postgres";
import { connectTo } from "../drainer/connect-to.ts";
import { within } from "../drainer/database.ts";

/** The connections of page and metrics, apart from those that work. */
export type FaceDatabase = {
  /** Runs statements that read, and gives up after a while, in the database too. */
  read<T>(work: (sql: TransactionSql) => Promise<T>, withinMs?: number): Promise<T>;
  /** Runs statements that change something, in one transaction. */
  change<T>(work: (sql: TransactionSql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

const CONNECTIONS = 4;
const ANSWER_WITHIN_MS = 10_000;
/** Until the connection itself is given up, after Postgres should have given up the statement. */
const MARGIN_MS = 2_000;

/** @throws ConfigurationError DBURL for a URL that cannot be read */
export function openFaceDatabase(url: string): FaceDatabase {
  const open = () => connectTo(url, { max: CONNECTIONS, name: "flex-crew-sync page" });
  let connections = open();

  async function run<T>(mode: string, work: (sql: TransactionSql) => Promise<T>, ms: number): Promise<T> {
    const used = connections;
    const transaction = limited(used.sql, mode, work, ms);
    transaction.catch(() => {});
    try {
      return await within(ms + MARGIN_MS, transaction);
    } catch (error) {
      // An error of Postgres has its severity; without one nobody answered, and the connections may be dead.
      if ((error as { severity?: unknown }).severity === undefined && used === connections) {
        connections = open();
        void used.cut();
      }
      throw error;
    }
  }
  return {
    read: (work, withinMs = ANSWER_WITHIN_MS) => run("read only", work, withinMs),
    change: (work) => run("read write", work, ANSWER_WITHIN_MS),
    close: () => connections.cut(),
  };
}

/** A transaction of its own, so that the limit holds behind a pooler in transaction mode and for nobody else. */
async function limited<T>(
  sql: Sql,
  mode: string,
  work: (sql: TransactionSql) => Promise<T>,
  ms: number,
): Promise<T> {
  const answer = await sql.begin(`isolation level read committed ${mode}`, async (transaction) => {
    // Views over many crew calls look dear: compiling them takes longer than they do.
    await transaction`select set_config('statement_timeout', ${String(ms)}::text, true), set_config('jit', 'off', true)`;
    return { value: await work(transaction) };
  });
  return (answer as { value: T }).value;
}
