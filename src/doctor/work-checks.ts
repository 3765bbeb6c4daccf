import type { Sql } from "postgres";
import { duration } from "../cli/terminal/age.ts";
import { type Check, check, type Found, fail, ok, only, type Patient, warn } from "./check.ts";

/** Work that is due for so long, without any call for as long, says that nobody drains. */
const UNTOUCHED_S = 60;
/** Below this share of a window somebody should know. */
const LITTLE = 0.1;

/** What goes on: pause, breaker, quota, and whether anybody drains. */
export async function workChecks({ sql }: Patient): Promise<Check[]> {
  return [
    await check("paused", () => paused(sql)),
    await check("breaker", () => breaker(sql)),
    await check("quota", () => quota(sql)),
    await check("drainer", () => drainer(sql)),
  ];
}

async function paused(sql: Sql): Promise<Found> {
  if ((await metric(sql, "paused")) !== 1) return ok("not paused");
  const [told] = await sql<{ since: number; note: string | null }[]>`
    select extract(epoch from flex_sync.clock() - paused_at)::float8 as since, paused_reason as note from flex_sync.tenant`;
  const since = told ? ` for ${duration(told.since)}${told.note ? `: ${told.note}` : ""}` : "";
  return warn(
    `everything is paused${since}`,
    "Nothing is read or written until (who and why: flex_sync.operator_log):",
    "select flex_sync.resume();",
  );
}

async function breaker(sql: Sql): Promise<Found> {
  if ((await metric(sql, "breaker_open")) !== 1) return ok("the breaker is closed");
  const { reason, error } = only(
    await sql<{ reason: string; error: string | null }[]>`
      select breaker_reason as reason, breaker_error as error from flex_sync.tenant`,
  );
  const message = `the breaker is open, ${reason}${error ? `: ${error}` : ""}`;
  if (reason === "token_refused")
    return fail(message, "Give the daemon a valid FLEX_AUTH_TOKEN and restart it; it closes by itself.");
  return fail(
    message,
    "Nothing, if Flex is down: it is asked every minute, and the breaker closes by itself.",
  );
}

async function quota(sql: Sql): Promise<Found> {
  const left = only(
    await sql<{ hour: number; day: number; month: number; share: number | null; frees_at: Date | null }[]>`
      select hourly::int as hour, daily::int as day, monthly::int as month, frees_at,
        least(
          hourly / nullif(coalesce(hourly_limit, monthly_limit / 50), 0)::float8,
          daily / nullif(coalesce(daily_limit, monthly_limit / 10), 0)::float8,
          monthly / nullif(monthly_limit, 0)::float8
        ) as share
      from flex_sync.calls_left(), flex_sync.settings`,
  );
  const text = `Flex calls left: ${left.hour} this hour, ${left.day} this day, ${left.month} this month`;
  const mend = "Wait, or find out who calls: select kind, count(*) from flex_sync.calls group by kind;";
  if (Math.min(left.hour, left.day, left.month) <= 0)
    return fail(`${text}; the next one frees at ${left.frees_at?.toISOString() ?? "never"}`, mend);
  return (left.share ?? 1) < LITTLE ? warn(text, mend) : ok(text);
}

async function drainer(sql: Sql): Promise<Found> {
  const stopped = await whyStopped(sql);
  const { waits, called, due } = only(
    await sql<{ waits: number | null; called: number | null; due: number }[]>`
      select
        extract(epoch from flex_sync.clock() - min(greatest(due_at, created_at)))::float8 as waits,
        count(*)::int as due,
        (select extract(epoch from flex_sync.clock() - max(made_at))::float8 from flex_sync.calls) as called
      from flex_sync.outbox
      where state = 'pending'
        and after_operation_id is null
        and due_at <= flex_sync.clock()`,
  );
  const last =
    called === null ? "no Flex call was ever made" : `the last Flex call was ${duration(called)} ago`;
  if (waits === null || waits < UNTOUCHED_S) return ok(`${due} operations are due, ${last}`);
  const message = `${due} operations are due, the oldest for ${duration(waits)}, and ${last}`;
  if (stopped) return ok(`${message}: that is so while ${stopped}`);
  if (called === null || called > UNTOUCHED_S) {
    return fail(`${message}: no drainer works`, "Start one, or look at its log:", "flex-crew-sync drain");
  }
  return warn(message, "Nothing, if it goes down: flex-crew-sync status --watch");
}

/** Why no drainer may claim anything. */
async function whyStopped(sql: Sql): Promise<string | null> {
  if ((await metric(sql, "paused")) === 1) return "everything is paused";
  if ((await metric(sql, "breaker_open")) === 1) return "the breaker is open";
  const left = await Promise.all(
    ["hour", "day", "month"].map((window) => metric(sql, `budget_left_${window}`)),
  );
  return Math.min(...left) <= 0 ? "no Flex call is left" : null;
}

async function metric(sql: Sql, name: string): Promise<number> {
  const { value } = only(
    await sql<{ value: number }[]>`select value::float8 as value from flex_sync.metrics where name = ${name}`,
  );
  return value;
}
