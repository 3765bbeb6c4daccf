import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { type Found, ok, type Patient, warn } from "./check.ts";

/** How long a notification may take. */
const NOTIFY_MS = 3_000;

/** A pooler in transaction mode accepts LISTEN and never delivers anything; another database does not either. */
export async function doNotificationsArrive({ sql, listenUrl, listensElsewhere }: Patient): Promise<Found> {
  const listener = postgres(listenUrl, { max: 1, prepare: false, connect_timeout: 5, onnotice: () => {} });
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
    return listensElsewhere
      ? warn(
          "no notification arrives at LISTEN_DATABASE_URL: drainers look every second instead",
          "Set it to a direct connection to the very database of DATABASE_URL, not to a pooler.",
        )
      : warn(
          "no notification arrives (a pooler in transaction mode?): drainers look every second instead",
          "Set LISTEN_DATABASE_URL to a direct connection to the same database.",
        );
  } catch (error) {
    if (!listensElsewhere) throw error;
    return warn(
      "LISTEN_DATABASE_URL cannot be reached: drainers look every second instead",
      "Correct host, user and password in it, or unset it where DATABASE_URL is a direct connection.",
    );
  } finally {
    clearTimeout(timer);
    await listener.end({ timeout: 0 }).catch(() => {});
  }
}
