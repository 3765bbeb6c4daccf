import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { connectTo } from "./connect-to.ts";
import { within } from "./database.ts";
import { messageOf } from "./database-error.ts";
import type { Log } from "./log.ts";

export type NotificationParts = {
  /** A direct connection, not a pooler in transaction mode. */
  url: string;
  /** Sends a notification of our own by way of the database that does the work. */
  sendProof: (payload: string) => Promise<void>;
  /** Called for every notification, and after each reconnection, since some may have been missed. */
  wake: () => void;
  log: Log;
  /** How often a notification of our own is sent, and within what time it has to arrive, milliseconds. */
  proveEveryMs?: number;
  proofWithinMs?: number;
};

export type Notifications = {
  /** Whether they arrive, as far as the last proof tells. */
  arriving(): boolean;
  close(): Promise<void>;
};

const CHANNEL = "flex_sync_work";
/** Begins the payload of proofs: nobody is woken by another drainer's. */
const PROOF = "proof ";
const PROVE_EVERY_MS = 20_000;
const PROOF_WITHIN_MS = 5_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * Listen for `flex_sync_work` on a connection of its own, for as long as it takes. A notification of our own proves
 * now and then that they arrive; when one does not (the connection is dead and nobody said so, a pooler in transaction
 * mode, another database), the connection is cut and made anew. Until then polling serves.
 *
 * @throws ConfigurationError DBURL for a URL that cannot be read
 */
export function listenForWork(parts: NotificationParts): Notifications {
  const { url, sendProof, wake, log } = parts;
  const { proveEveryMs = PROVE_EVERY_MS, proofWithinMs = PROOF_WITHIN_MS } = parts;
  const closing = new AbortController();
  const rest = (ms: number) => sleep(ms, undefined, { signal: closing.signal }).catch(() => {});
  const open = () => connectTo(url, { max: 1, name: "flex-crew-sync listen" });
  let connections = open();
  let arriving = false;
  let told = false;
  let retryMs = FIRST_RETRY_MS;

  async function listenAndProve(): Promise<void> {
    const proof = `${PROOF}${randomUUID()}`;
    let arrived = () => {};
    const hear = (payload: string) => {
      if (payload === proof) arrived();
      if (!payload.startsWith(PROOF)) wake();
    };
    await within(proofWithinMs, connections.sql.listen(CHANNEL, hear, wake));
    while (!closing.signal.aborted) {
      const arrival = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      // While the database itself is away, there is nothing to judge.
      const sent = await sendProof(proof).then(
        () => true,
        () => false,
      );
      if (!sent) {
        await rest(proveEveryMs);
        continue;
      }
      await within(proofWithinMs, arrival);
      if (told) log.info({}, "notifications arrive again");
      arriving = true;
      told = false;
      retryMs = FIRST_RETRY_MS;
      await rest(proveEveryMs);
    }
  }

  async function listenUntilClosed(): Promise<void> {
    while (!closing.signal.aborted) {
      await listenAndProve().catch((error: unknown) => {
        if (closing.signal.aborted) return;
        arriving = false;
        if (!told) {
          log.warn(
            {
              error: messageOf(error),
              hint: "Behind a pooler in transaction mode, set LISTEN_DATABASE_URL to a direct connection.",
            },
            "notifications do not arrive: polling instead",
          );
        }
        told = true;
      });
      await connections.cut();
      await rest(retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      if (!closing.signal.aborted) connections = open();
    }
  }
  void listenUntilClosed();

  return {
    arriving: () => arriving,
    async close() {
      closing.abort();
      await connections.cut();
    },
  };
}
