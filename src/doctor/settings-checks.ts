import { type Check, check, fail, ok, only, type Patient, warn } from "./check.ts";

type Settings = {
  lease_ms: number;
  max_concurrency: number;
  element_concurrency: number;
  monthly_limit: number;
  daily_limit: number | null;
  hourly_limit: number | null;
  removal_limit: number;
};

/** Whether the knobs fit each other. */
export async function settingsChecks({ sql, timeoutMs }: Patient): Promise<Check[]> {
  return [
    await check("settings", async () => {
      const settings = only(
        await sql<Settings[]>`
          select extract(epoch from lease)::float8 * 1000 as lease_ms, max_concurrency, element_concurrency, monthly_limit, daily_limit,
            hourly_limit, removal_limit
          from flex_sync.settings`,
      );
      const { lease_ms, max_concurrency, element_concurrency, removal_limit } = settings;
      if (lease_ms <= timeoutMs + 1_000) {
        return fail(
          `the lease of ${lease_ms / 1000} s is not a second longer than FLEX_TIMEOUT_MS (${timeoutMs})`,
          `Lower FLEX_TIMEOUT_MS, or: update flex_sync.settings set lease = '${Math.ceil(timeoutMs / 1000) + 15} s';`,
        );
      }
      const none = (["monthly_limit", "daily_limit", "hourly_limit"] as const).filter(
        (name) => settings[name] === 0,
      );
      if (none.length > 0) {
        return fail(
          `${none.join(", ")} is 0: no Flex call may be made`,
          `update flex_sync.settings set ${none.map((name) => `${name} = default`).join(", ")};`,
        );
      }
      if (element_concurrency > max_concurrency) {
        return warn(
          `element_concurrency (${element_concurrency}) is above max_concurrency (${max_concurrency})`,
          `update flex_sync.settings set element_concurrency = ${Math.ceil(max_concurrency / 2)};`,
        );
      }
      if (removal_limit === 0) {
        return warn(
          "removal_limit is 0: nobody is ever removed",
          "update flex_sync.settings set removal_limit = default; a policy of add_only says it better",
        );
      }
      return ok("the settings fit each other");
    }),
  ];
}
