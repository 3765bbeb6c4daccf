import type { Sql, TransactionSql } from "postgres";
import { ConfigurationError } from "../../errors.ts";
import { unknownCrewCall } from "../crew-call-ids.ts";
import { named, namesOfPeople } from "../names.ts";
import { printable } from "../terminal/text.ts";

/** A row of `flex_sync.history`. */
export type Happened = {
  /** ISO 8601. */
  at: string;
  /** Null: the whole crew call, or a line that nobody is known for. */
  technician_id: string | null;
  what: string;
  outcome: string;
  reason: string | null;
  who: string | null;
  operation_id: number | null;
  sync_id: number | null;
  http_status: number | null;
  /** One sentence. */
  detail: string;
};

export type History = {
  crew_call_id: string;
  technician_id: string | null;
  /** ISO 8601; null is as far back as there is. */
  since: string | null;
  happened: Happened[];
  /** What the host calls the people of it, by technician id. */
  names: Record<string, string>;
};

export type HistoryQuestion = {
  id: string;
  /** A technician id, or the beginning of one; or a name, or part of it. */
  person: string | undefined;
  /** `3 days`, or whatever Postgres reads as a time. */
  since: string | undefined;
};

const LENGTH_OF_TIME = /^\d+ *(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?|months?)$/i;
const UNITS: Record<string, string> = { m: "min", d: "days", w: "weeks" };

/**
 * What happened on a crew call, oldest first.
 *
 * @throws FlexCrewSyncError NOCAL
 * @throws ConfigurationError USAGE for a time that is none, BADID for a person who is nobody there, or several
 */
export async function readHistory(sql: Sql, { id, person, since }: HistoryQuestion): Promise<History> {
  return (await sql
    .begin("read only", async (transaction) => {
      // Days begin where the person sits who asks.
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
      await transaction`select set_config('TimeZone', ${timeZone}, true)`;
      const from = since === undefined ? null : await readTime(transaction, since);
      const whom = person === undefined ? null : await wholePersonId(transaction, id, person);
      const happened = await ask(transaction, id, whom, from);
      const names = await namesOfPeople(
        transaction,
        happened.map(({ technician_id }) => technician_id),
      );
      return {
        crew_call_id: id,
        technician_id: whom,
        since: from,
        happened,
        names: Object.fromEntries(names),
      };
    })
    .catch(async (error: unknown) => {
      throw (error as { code?: unknown }).code === "NOCAL" ? await unknownCrewCall(sql, id) : error;
    })) as History;
}

async function ask(
  sql: TransactionSql,
  id: string,
  person: string | null,
  since: string | null,
): Promise<Happened[]> {
  const [row] = await sql<{ happened: Happened[] }[]>`
    select coalesce(json_agg(happened), '[]') as happened
    from flex_sync.history(${id}::uuid, ${person}::uuid, ${since}::text::timestamptz) as happened`;
  return row?.happened ?? [];
}

async function readTime(sql: TransactionSql, text: string): Promise<string> {
  const trimmed = text.trim();
  const ago = LENGTH_OF_TIME.test(trimmed)
    ? trimmed.replace(/[a-z]+/i, (unit) => UNITS[unit.toLowerCase()] ?? unit)
    : null;
  try {
    const [row] = await sql<{ at: string }[]>`
      select to_json(case when ${ago}::text is null then ${trimmed}::text::timestamptz else flex_sync.clock() - ${ago}::interval end) as at`;
    return row?.at ?? trimmed;
  } catch (error) {
    if (!/^22/.test(String((error as { code?: unknown }).code))) throw error;
    throw new ConfigurationError(
      "USAGE",
      `--since is ${JSON.stringify(text.slice(0, 80))}, which is no time`,
      "Pass how long ago (2h, 3 days) or a time (yesterday, 2026-11-20, '2026-11-20 18:00').",
    );
  }
}

async function wholePersonId(sql: TransactionSql, id: string, beginning: string): Promise<string> {
  const people = new Set(
    (await ask(sql, id, null, null)).flatMap(({ technician_id }) => technician_id ?? []),
  );
  const names = await namesOfPeople(sql, [...people]);
  const wanted = beginning.toLowerCase();
  const byId = [...people].filter((one) => one.startsWith(wanted));
  // Ana is not Hana.
  const byName = [...people].filter((one) => ` ${names.get(one)?.toLowerCase()}`.includes(` ${wanted}`));
  const found = (byId.length > 0 ? byId : byName).sort();
  const [only, another] = found;
  if (only && !another) return only;
  const shown = (found.length > 0 ? found : [...people].sort()).slice(0, 5);
  const known = shown.map((one) => printable(named(names.get(one), one))).join(", ");
  throw new ConfigurationError(
    "BADID",
    another
      ? `${JSON.stringify(beginning.slice(0, 80))} is the beginning of several people's ids, or part of their names`
      : `nothing is known here of a person ${JSON.stringify(beginning.slice(0, 80))}`,
    known === ""
      ? "Nothing has happened to anybody on this crew call yet."
      : `People it knows something of: ${known}`,
  );
}
