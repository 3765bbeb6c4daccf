import type { Sql } from "postgres";
import { type Check, check, type Found, fail, ok, only, type Patient, warn } from "./check.ts";

type Settings = {
  lease_ms: number;
  max_reading_age_ms: number;
  max_concurrency: number;
  element_concurrency: number;
  monthly: number;
  daily: number;
  hourly: number;
  removal_limit: number;
  resync_ms: number | null;
  crew_calls: number;
};

/** What Flex allows a customer, over all of its keys: calls in a month, a day, an hour. */
const FLEX_LIMITS = { monthly: 100_000, daily: 10_000, hourly: 2_000 } as const;
const WINDOWS = ["monthly", "daily", "hourly"] as const;
const DAY_MS = 86_400_000;

/** Whether the knobs fit each other, this environment and Flex. */
export async function settingsChecks({ sql, timeoutMs }: Patient): Promise<Check[]> {
  const judges: [name: string, judge: (settings: Settings, timeoutMs: number) => Found][] = [
    ["lease", lease],
    ["reading_age", readingAge],
    ["concurrency", concurrency],
    ["limits", limits],
    ["removal_limit", removalLimit],
    ["background_readings", backgroundReadings],
  ];
  const settings = readSettings(sql);
  settings.catch(() => {});
  return Promise.all(
    judges.map(([name, judge]) => check(name, async () => judge(await settings, timeoutMs))),
  );
}

async function readSettings(sql: Sql): Promise<Settings> {
  return only(
    await sql<Settings[]>`
      select
        extract(epoch from lease)::float8 * 1000 as lease_ms,
        extract(epoch from max_reading_age)::float8 * 1000 as max_reading_age_ms,
        max_concurrency, element_concurrency,
        monthly_limit as monthly,
        coalesce(daily_limit, monthly_limit / 10) as daily,
        coalesce(hourly_limit, monthly_limit / 50) as hourly,
        removal_limit,
        extract(epoch from resync_interval)::float8 * 1000 as resync_ms,
        (select count(*)::int from flex_sync.elements where crew_call_id is not null) as crew_calls
      from flex_sync.settings`,
  );
}

const set = (what: string) => `update flex_sync.settings set ${what};`;

function lease({ lease_ms }: Settings, timeoutMs: number): Found {
  if (lease_ms > timeoutMs + 1_000) return ok(`a lease of ${lease_ms / 1000} s outlasts a Flex call`);
  return fail(
    `the lease of ${lease_ms / 1000} s is not a second longer than FLEX_TIMEOUT_MS (${timeoutMs}): every claim is refused with LEASE`,
    "Lower FLEX_TIMEOUT_MS, or:",
    set(`lease = '${Math.ceil(timeoutMs / 1000) + 15} s'`),
  );
}

function readingAge({ max_reading_age_ms }: Settings, timeoutMs: number): Found {
  if (max_reading_age_ms > timeoutMs) return ok(`a reading counts for ${max_reading_age_ms / 1000} s`);
  return fail(
    `max_reading_age is ${max_reading_age_ms / 1000} s, and a Flex call may take ${timeoutMs / 1000} s: a slow reading is too old as soon as it is there`,
    "Lower FLEX_TIMEOUT_MS, or:",
    set(`max_reading_age = '${Math.ceil(timeoutMs / 1000) * 4} s'`),
  );
}

function concurrency({ max_concurrency, element_concurrency }: Settings): Found {
  if (element_concurrency <= max_concurrency) {
    return ok(`${max_concurrency} Flex calls at once, ${element_concurrency} on one element`);
  }
  return warn(
    `element_concurrency (${element_concurrency}) is above max_concurrency (${max_concurrency})`,
    "One crew call would take all there is:",
    set(`element_concurrency = ${Math.ceil(max_concurrency / 2)}`),
  );
}

function limits(settings: Settings): Found {
  const none = WINDOWS.filter((name) => settings[name] <= 0).map((name) => `${name}_limit`);
  if (none.length > 0) {
    const run = set(none.map((name) => `${name} = default`).join(", "));
    return fail(`${none.join(", ")} is 0: no Flex call may be made`, "Back to what Flex allows:", run);
  }
  const above = WINDOWS.filter((name) => settings[name] > FLEX_LIMITS[name]);
  if (above.length > 0) {
    const told = above.map((name) => `${settings[name]} ${name} (Flex: ${FLEX_LIMITS[name]})`);
    return warn(
      `more calls are allowed than Flex takes: ${told.join(", ")}; it answers 429, and everything waits`,
      "Unless Flex gave you more:",
      set(above.map((name) => `${name}_limit = default`).join(", ")),
    );
  }
  return ok(`${settings.hourly} Flex calls an hour, ${settings.daily} a day, ${settings.monthly} a month`);
}

function removalLimit({ removal_limit }: Settings): Found {
  if (removal_limit > 0) return ok(`${removal_limit} removals an hour`);
  return warn(
    "removal_limit is 0: nobody is ever removed",
    "A policy of add_only says that better:",
    set("removal_limit = default"),
  );
}

function backgroundReadings({ resync_ms, crew_calls, daily }: Settings): Found {
  if (resync_ms === null) return ok("no background readings");
  const calls = Math.ceil((crew_calls * DAY_MS) / resync_ms);
  const message = `${crew_calls} crew calls are read again every ${Math.round(resync_ms / 1000)} s: ${calls} Flex calls a day`;
  if (calls <= daily / 2) return ok(message);
  const hours = Math.ceil((crew_calls * DAY_MS * 2) / (daily * 3_600_000)) + 1;
  return warn(
    `${message} of ${daily}`,
    "Less often leaves calls for syncs:",
    set(`resync_interval = '${hours} h'`),
  );
}
