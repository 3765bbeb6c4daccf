import { startStopwatch } from "./claim-clock.ts";
import { hopelessError, isInTheWay, messageOf } from "./database-error.ts";
import type { StepReport } from "./drainer.ts";
import { listenForWork } from "./notifications.ts";
import { type DrainerSet, type DrainOptions, withDrainer } from "./with-drainer.ts";

export type { DrainOptions } from "./with-drainer.ts";

export type DrainOnceOptions = DrainOptions & {
  /** How long to wait for an unfinished sync that goes on by itself (a confirming reading), milliseconds. Default 10000. */
  patienceMs?: number;
};

const PATIENCE_MS = 10_000;
/** How often to look when notifications arrive, and when they do not. */
const POLL_WITH_LISTEN_MS = 5_000;
const POLL_MS = 1_000;
/** How soon to look again for what is due but could not be claimed; doubles while it cannot. */
const FIRST_GLANCE_MS = 50;
const FIRST_RECONNECT_MS = 100;
const LONGEST_RECONNECT_MS = 5_000;

/**
 * The daemon: drains the outbox until `signal` stops it. It makes no Flex call of its own when it starts, survives a
 * database that goes away, and shares the work with any number of others.
 *
 * @throws ConfigurationError for what waiting does not mend: BSURL, NOTOK, TIMEO, DBURL, DBPRI, NOINS, LEASE
 */
export async function drain(options: DrainOptions): Promise<void> {
  await withDrainer(options, async (set) => {
    const notifications = listenForWork({
      url: options.listenDatabaseUrl ?? options.databaseUrl,
      sendProof: set.queue.notifyWork,
      wake: set.wakeUp.wake,
      log: set.log,
    });
    set.signal.addEventListener("abort", notifications.close, { once: true });
    try {
      await drainUntilStopped(set, notifications.arriving, (error) => options.observer?.step(error));
    } finally {
      set.signal.removeEventListener("abort", notifications.close);
      await notifications.close();
    }
  });
}

/**
 * Drains until nothing is due, and no unfinished sync goes on by itself within `patienceMs`: for cron and edge
 * functions.
 *
 * @throws as `drain`, and whatever else the database answers: there is nobody to wait for it
 */
export async function drainOnce(options: DrainOnceOptions): Promise<{ operations: number }> {
  const { patienceMs = PATIENCE_MS } = options;
  let operations = 0;
  await withDrainer(options, async (set) => {
    try {
      operations = await drainUntilNothingIsDue(set, patienceMs);
    } catch (error) {
      throw hopelessError(error) ?? error;
    }
  });
  return { operations };
}

async function drainUntilNothingIsDue(
  { drainer, queue, wakeUp, clocks, signal }: DrainerSet,
  patienceMs: number,
): Promise<number> {
  let operations = 0;
  let idle = startStopwatch(clocks);
  let glanceMs = FIRST_GLANCE_MS;
  while (!signal.aborted) {
    const { claimed, tidied } = await drainer.step().catch(tryAgainIfInTheWay);
    operations += claimed;
    if (claimed > 0 || tidied > 0 || drainer.inFlight() > 0) {
      idle = startStopwatch(clocks);
      glanceMs = FIRST_GLANCE_MS;
      if (drainer.inFlight() > 0) await wakeUp.sleep(POLL_MS);
      continue;
    }
    const due = await queue.msUntilNextWork();
    const goesOn = await queue.msUntilSyncGoesOn();
    const wait = due === 0 ? 0 : (goesOn ?? Number.POSITIVE_INFINITY);
    // What is due but cannot be claimed (somebody else's slots, a lock) is not waited for without end either.
    if (wait > patienceMs || idle() > patienceMs) break;
    await wakeUp.sleep(Math.max(wait, glanceMs));
    glanceMs = Math.min(glanceMs * 2, POLL_MS);
  }
  return operations;
}

/** A step that another transaction was in the way of found nothing this time. */
function tryAgainIfInTheWay(error: unknown): StepReport {
  if (!isInTheWay(error)) throw error;
  return { claimed: 0, tidied: 0, more: false };
}

async function drainUntilStopped(
  { drainer, queue, wakeUp, log, signal }: DrainerSet,
  notified: () => boolean,
  tellStep: (error?: string) => void,
): Promise<void> {
  let state: "starting" | "ready" | "away" = "starting";
  let reconnectMs = FIRST_RECONNECT_MS;
  let glanceMs = FIRST_GLANCE_MS;
  let told = "";
  while (!signal.aborted) {
    try {
      const { claimed, more } = await drainer.step();
      if (state !== "ready") log.info({}, state === "starting" ? "ready" : "ready again");
      state = "ready";
      tellStep();
      told = "";
      reconnectMs = FIRST_RECONNECT_MS;
      if (claimed > 0) {
        glanceMs = FIRST_GLANCE_MS;
        // It took what there was: the next that ends, or a notification, comes before another look.
        if (!more) await wakeUp.sleep(FIRST_GLANCE_MS);
        continue;
      }
      const poll = notified() ? POLL_WITH_LISTEN_MS : POLL_MS;
      const due = (await queue.msUntilNextWork()) ?? poll;
      // Something due that could not be claimed waits for a slot, a lock or an allowance: look again, ever more rarely,
      // but soon enough after a dead drainer's lease ends, whose slots it may be waiting for.
      await wakeUp.sleep(Math.min(poll, Math.max(due, glanceMs)));
      glanceMs = due > 0 ? FIRST_GLANCE_MS : Math.min(glanceMs * 2, POLL_MS);
    } catch (error) {
      if (signal.aborted) return;
      const hopeless = hopelessError(error);
      if (hopeless && state === "starting") throw hopeless;
      const text = messageOf(error);
      tellStep(text);
      if (!isInTheWay(error) && text !== told) {
        log.error(
          { error: text, hint: hopeless?.hint },
          "cannot work with the database; trying until it can",
        );
        told = text;
        if (state === "ready") state = "away";
      }
      await wakeUp.sleep(reconnectMs);
      reconnectMs = Math.min(reconnectMs * 2, LONGEST_RECONNECT_MS);
    }
  }
}
