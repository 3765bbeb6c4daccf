import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { messageOf } from "./database-error.ts";
import type { Log } from "./log.ts";

const CHANNEL = "flex_sync_work";
/** How long a notification of our own may take before polling has to serve. */
const PROOF_MS = 2_000;

export type Notifications = {
  /** Whether a notification of our own came back: behind a pooler in transaction mode none does. */
  arriving(): boolean;
  close(): Promise<void>;
};

/**
 * Listen for `flex_sync_work` on a connection of its own, for as long as it takes; the connection is made again by
 * itself. Whether notifications arrive is proved by sending one.
 *
 * @param url a direct connection, not a pooler in transaction mode
 * @param wake called for every notification, and after each reconnection, since some may have been missed
 */
export function listenForWork(url: string, wake: () => void, log: Log): Notifications {
  const sql = postgres(url, {
    max: 1,
    prepare: false,
    onnotice: () => {},
    connection: { application_name: "flex-crew-sync listen" },
  });
  const proof = randomUUID();
  let arriving = false;
  let closed = false;

  const attempt = async () => {
    await sql.listen(
      CHANNEL,
      (payload) => {
        if (payload === proof) arriving = true;
        wake();
      },
      () => {
        wake();
        arriving = false;
        setTimeout(() => {
          if (!closed && !arriving) {
            log.warn(
              {},
              "notifications do not arrive (a pooler in transaction mode?): polling instead; set LISTEN_DATABASE_URL",
            );
          }
        }, PROOF_MS).unref();
        sql.notify(CHANNEL, proof).catch(() => {});
      },
    );
  };

  const listen = async () => {
    while (!closed) {
      try {
        return await attempt();
      } catch (error) {
        if (closed) return;
        log.debug({ error: messageOf(error) }, "cannot listen yet");
        await new Promise((resolve) => setTimeout(resolve, 1_000).unref());
      }
    }
  };
  void listen();

  return {
    arriving: () => arriving,
    async close() {
      closed = true;
      await sql.end({ timeout: 1 }).catch(() => {});
    },
  };
}
