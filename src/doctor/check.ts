import type { Sql } from "postgres";
import { messageOf } from "../drainer/database-error.ts";
import type { DatabaseClient } from "../migrations/database-client.ts";
import { readLedger } from "../migrations/ledger.ts";

export type CheckStatus = "ok" | "warn" | "fail";

/** What one check found. */
export type Check = {
  name: string;
  status: CheckStatus;
  message: string;
  /** What to do, in words; null where nothing is to be done. */
  mend: string | null;
  /** SQL, or what a shell runs, that mends it as it stands; null where only a person can. */
  run: string | null;
};

/** Found so; the name is added by whoever asked. */
export type Found = Omit<Check, "name">;

/** What checks of the database get. */
export type Patient = {
  sql: Sql;
  /** The HTTP deadline that a drainer of this environment would state, milliseconds. */
  timeoutMs: number;
  /** Where notifications are listened for. */
  listenUrl: string;
  /** Whether LISTEN_DATABASE_URL is set. */
  listensElsewhere: boolean;
};

export const ok = (message: string): Found => ({ status: "ok", message, mend: null, run: null });
export const warn = (message: string, mend: string, run: string | null = null): Found => ({
  status: "warn",
  message,
  mend,
  run,
});
export const fail = (message: string, mend: string, run: string | null = null): Found => ({
  status: "fail",
  message,
  mend,
  run,
});

/** A named check. What it may not look at is a warning, what it cannot look at a failure. */
export async function check(name: string, look: () => Promise<Found> | Found): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    const { code, hint } = (error ?? {}) as { code?: unknown; hint?: unknown };
    if (code === "42501") {
      const mend = "Grant this database user flex_sync_operator, or ask as somebody who has it.";
      return { name, ...warn(`not checked: ${messageOf(error)}`, mend) };
    }
    const mend = typeof hint === "string" ? hint : "Mend what the message names, then run doctor again.";
    return { name, ...fail(messageOf(error), mend) };
  }
}

/** The only row of a query that always has one. */
export function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error("the database answered no row");
  return row;
}

/** The same connection in the shape that the installer's functions take. */
export function clientOf(sql: Sql): DatabaseClient {
  return { query: async (text, values = []) => ({ rows: [...(await sql.unsafe(text, values as never[]))] }) };
}

/** The schema of the host's tables. */
export async function hostSchemaOf(sql: Sql): Promise<string> {
  return (await readLedger(clientOf(sql))).at(-1)?.host_schema ?? "public";
}
