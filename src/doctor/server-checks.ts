import type { Sql } from "postgres";
import { OLDEST_POSTGRES } from "../migrations/ledger.ts";
import { type Check, check, type Found, fail, ok, only, type Patient, warn } from "./check.ts";
import { doNotificationsArrive } from "./notifications-check.ts";
import { sessionChecks } from "./session-checks.ts";

const NEWEST_POSTGRES = 18;
const MOST_SKEW_MS = 30_000;

/** The server itself: its version and clock, what it gives to sessions, and whether notifications arrive. */
export async function serverChecks(patient: Patient): Promise<Check[]> {
  const { sql } = patient;
  return [
    await check("postgres_version", async () => {
      const { version, number } = only(
        await sql<{ version: string; number: number }[]>`
          select current_setting('server_version') as version, current_setting('server_version_num')::int as number`,
      );
      return judgeVersion(version, number);
    }),
    ...(await sessionChecks(patient)),
    await check("clock", () => clock(sql)),
    await check("notifications", () => doNotificationsArrive(patient)),
  ];
}

/** @param number as `server_version_num`: 150018 is 15.18 */
export function judgeVersion(version: string, number: number): Found {
  const major = Math.floor(number / 10_000);
  if (major < OLDEST_POSTGRES)
    return fail(`Postgres ${version}`, `Upgrade the server to ${OLDEST_POSTGRES} or newer.`);
  if (major > NEWEST_POSTGRES) {
    return warn(
      `Postgres ${version}`,
      `Tested with ${OLDEST_POSTGRES} to ${NEWEST_POSTGRES}: look for an update of flex-crew-sync.`,
    );
  }
  return ok(`Postgres ${version}`);
}

async function clock(sql: Sql): Promise<Found> {
  const before = Date.now();
  const { now } = only(await sql<{ now: Date }[]>`select clock_timestamp() as now`);
  return judgeSkew(now.getTime() - (before + Date.now()) / 2);
}

/** Only the database's clock is compared: a skew does no harm, and makes logs hard to read. */
export function judgeSkew(ms: number): Found {
  const seconds = `${(Math.abs(ms) / 1000).toFixed(1)} s`;
  const message = `the database's clock and this machine's differ by ${seconds}`;
  if (Math.abs(ms) <= MOST_SKEW_MS) return ok(message);
  return warn(message, "Set both by NTP. Only the database's clock decides anything; times in logs are off.");
}
