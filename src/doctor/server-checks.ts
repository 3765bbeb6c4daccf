import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { type Check, check, type Found, fail, ok, only, type Patient, warn } from "./check.ts";

const OLDEST = 14;
const NEWEST = 18;
/** How long a notification may take. */
const NOTIFY_MS = 3_000;
const MOST_SKEW_MS = 30_000;

/** The server itself: version, whether it takes writes, its clock, and whether notifications arrive. */
export async function serverChecks(patient: Patient): Promise<Check[]> {
  const { sql } = patient;
  return [
    await check("postgres_version", async () => {
      const { version, number } = only(
        await sql<{ version: string; number: number }[]>`
          select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as number`,
      );
      if (number < OLDEST) return fail(`Postgres ${version}`, `Upgrade the server to ${OLDEST} or newer.`);
      if (number > NEWEST)
        return warn(
          `Postgres ${version}`,
          `Tested with ${OLDEST} to ${NEWEST}: look for an update of flex-crew-sync.`,
        );
      return ok(`Postgres ${version}`);
    }),
    await check("writable", async () => {
      const { standby, read_only } = only(
        await sql<{ standby: boolean; read_only: string }[]>`
          select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as read_only`,
      );
      if (standby) return fail("the server is a standby", "Name the primary in DATABASE_URL.");
      if (read_only === "on")
        return fail(
          "transactions are read only",
          "Name the primary in DATABASE_URL, or: alter role … reset default_transaction_read_only;",
        );
      return ok("the server takes writes");
    }),
    await check("clock", async () => {
      const before = Date.now();
      const { now } = only(await sql<{ now: Date }[]>`select clock_timestamp() as now`);
      const skew = now.getTime() - (before + Date.now()) / 2;
      const seconds = `${(Math.abs(skew) / 1000).toFixed(1)} s`;
      if (Math.abs(skew) <= MOST_SKEW_MS)
        return ok(`the database's clock and this machine's differ by ${seconds}`);
      return warn(
        `the database's clock and this machine's differ by ${seconds}`,
        "Set both by NTP. Only the database's clock decides anything; ages shown here are off.",
      );
    }),
    await check("notifications", () => doNotificationsArrive(patient)),
  ];
}

/** A pooler in transaction mode accepts LISTEN and never delivers anything; another database does not either. */
async function doNotificationsArrive({ sql, listenUrl }: Patient): Promise<Found> {
  const listener = postgres(listenUrl, { max: 1, prepare: false, connect_timeout: 10, onnotice: () => {} });
  const channel = `flex_sync_doctor_${randomUUID().slice(0, 8)}`;
  let timer: NodeJS.Timeout | undefined;
  try {
    const arrived = await new Promise<boolean>((resolve, reject) => {
      timer = setTimeout(() => resolve(false), NOTIFY_MS);
      listener
        .listen(channel, () => resolve(true))
        .then(() => sql.notify(channel, ""))
        .catch(reject);
    });
    if (arrived) return ok("a notification arrives");
    return warn(
      "no notification arrives (a pooler in transaction mode?): drainers look every second instead",
      "Set LISTEN_DATABASE_URL to a direct connection to the same database.",
    );
  } finally {
    clearTimeout(timer);
    await listener.end({ timeout: 0 }).catch(() => {});
  }
}
