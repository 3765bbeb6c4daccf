import { hostname } from "node:os";
import postgres from "postgres";
import { createFlexCaller, type FlexCaller } from "../flex-caller.ts";
import { type Clocks, startStopwatch, systemClocks } from "./claim-clock.ts";
import { hopelessError, messageOf } from "./database-error.ts";
import { createDrainer, type Drainer } from "./drainer.ts";
import { type Log, silentLog } from "./log.ts";
import { listenForWork } from "./notifications.ts";
import { createQueue, type Query, type Queue } from "./queue.ts";
import { createWakeUp, type WakeUp } from "./wake-up.ts";

export type DrainOptions = {
  /** The database; a pooler in transaction mode will do. */
  databaseUrl: string;
  /** A direct connection for LISTEN beside a pooler. Default: `databaseUrl`. */
  listenDatabaseUrl?: string | undefined;
  /** The tenant's API, `https://TENANT.flexrentalsolutions.com/f5/api`. */
  flexBaseUrl: string;
  /** Stays in this process's memory. */
  flexAuthToken: string;
  /** Milliseconds after which a Flex call is given up. Default 15000. */
  timeoutMs?: number;
  log?: Log;
  /** Stops the daemon: nothing more is claimed, what is in flight ends and is recorded. */
  signal?: AbortSignal;
  /** A name for people. Default: host name and process id. */
  name?: string;
  clocks?: Clocks;
};

export type DrainOnceOptions = DrainOptions & {
  /** How long to wait for an unfinished sync that goes on by itself (a confirming reading), milliseconds. Default 10000. */
  patienceMs?: number;
};

const TIMEOUT_MS = 15_000;
const PATIENCE_MS = 10_000;
/** How often to look when notifications arrive, and when they do not. */
const POLL_WITH_LISTEN_MS = 5_000;
const POLL_MS = 1_000;
const SHORTEST_WAIT_MS = 50;
const FIRST_RECONNECT_MS = 100;
const LONGEST_RECONNECT_MS = 5_000;
/** Connections to the database: records of outcomes go side by side. */
const CONNECTIONS = 10;

type Parts = { queue: Queue; drainer: Drainer; wakeUp: WakeUp; log: Log; signal: AbortSignal };

/**
 * The daemon: drains the outbox until `signal` stops it. It makes no Flex call of its own when it starts, survives a
 * database that goes away, and shares the work with any number of others.
 *
 * @throws ConfigurationError for what waiting does not mend: BSURL, NOTOK, TIMEO, DBURL, DBPRI, NOINS, LEASE
 */
export async function drain(options: DrainOptions): Promise<void> {
  await withDrainer(options, async (parts) => {
    const { wakeUp, log } = parts;
    const notifications = listenForWork(options.listenDatabaseUrl ?? options.databaseUrl, wakeUp.wake, log);
    try {
      await drainUntilStopped(parts, notifications.arriving);
    } finally {
      await notifications.close();
    }
  });
}

/**
 * Drains until nothing is due, and no unfinished sync goes on by itself within `patienceMs`: for cron and edge
 * functions.
 *
 * @throws as `drain`, and whatever the database answers: there is nobody to wait for it
 */
export async function drainOnce(options: DrainOnceOptions): Promise<{ operations: number }> {
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  let operations = 0;
  await withDrainer(options, async ({ drainer, queue, wakeUp, signal }) => {
    let idle = startStopwatch(systemClocks);
    while (!signal.aborted) {
      const { claimed, tidied } = await drainer.step();
      operations += claimed;
      if (claimed > 0 || tidied > 0 || drainer.inFlight() > 0) idle = startStopwatch(systemClocks);
      if (drainer.inFlight() > 0) {
        await wakeUp.sleep(POLL_MS);
        continue;
      }
      if (claimed > 0 || tidied > 0) continue;
      const waits = [await queue.msUntilNextWork(), await queue.msUntilSyncGoesOn()];
      const [due, goesOn] = waits.map((ms) => ms ?? Number.POSITIVE_INFINITY) as [number, number];
      const wait = due === 0 ? due : goesOn;
      // What is due but cannot be claimed (somebody else's slots, a lock) is not waited for without end either.
      if (wait > patienceMs || idle() > patienceMs) return;
      await wakeUp.sleep(Math.max(wait, SHORTEST_WAIT_MS));
    }
  });
  return { operations };
}

async function drainUntilStopped(
  { drainer, queue, wakeUp, log, signal }: Parts,
  notified: () => boolean,
): Promise<void> {
  let ready = false;
  let reconnectMs = FIRST_RECONNECT_MS;
  while (!signal.aborted) {
    try {
      const { claimed } = await drainer.step();
      if (!ready) log.info({}, reconnectMs > FIRST_RECONNECT_MS ? "ready again" : "ready");
      ready = true;
      reconnectMs = FIRST_RECONNECT_MS;
      if (claimed > 0) continue;
      const poll = notified() ? POLL_WITH_LISTEN_MS : POLL_MS;
      const due = await queue.msUntilNextWork();
      // Something due that could not be claimed waits for a slot, a lock or the budget: no hurry, but no sleep either.
      await wakeUp.sleep(Math.min(poll, due === null ? poll : Math.max(due, 100)));
    } catch (error) {
      const hopeless = hopelessError(error);
      if (hopeless && !ready && reconnectMs === FIRST_RECONNECT_MS) throw hopeless;
      if (ready || reconnectMs === FIRST_RECONNECT_MS) {
        log.error(
          { error: messageOf(error), hint: hopeless?.hint },
          "the database does not answer; trying again until it does",
        );
      }
      ready = false;
      await wakeUp.sleep(reconnectMs);
      reconnectMs = Math.min(reconnectMs * 2, LONGEST_RECONNECT_MS);
    }
  }
}

/** Put the parts together, lend them, and end what is in flight however it went. */
async function withDrainer(options: DrainOptions, work: (parts: Parts) => Promise<void>): Promise<void> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const log = options.log ?? silentLog;
  const signal = options.signal ?? new AbortController().signal;
  const caller: FlexCaller = createFlexCaller({
    baseUrl: options.flexBaseUrl,
    token: options.flexAuthToken,
    timeoutMs,
  });
  const sql = postgres(options.databaseUrl, {
    max: CONNECTIONS,
    // A pooler in transaction mode hands each statement to another server connection.
    prepare: false,
    connect_timeout: 10,
    idle_timeout: 60,
    onnotice: () => {},
    connection: { application_name: "flex-crew-sync drain" },
  });
  const wakeUp = createWakeUp();
  const queue = createQueue(
    sql as unknown as Query,
    options.name ?? `${hostname()} ${process.pid}`,
    timeoutMs,
  );
  const drainer = createDrainer({
    queue,
    caller,
    wakeUp,
    log,
    timeoutMs,
    ...(options.clocks ? { clocks: options.clocks } : {}),
  });
  signal.addEventListener("abort", drainer.stop, { once: true });
  if (signal.aborted) drainer.stop();
  try {
    await work({ queue, drainer, wakeUp, log, signal });
  } finally {
    drainer.stop();
    await drainer.settled();
    signal.removeEventListener("abort", drainer.stop);
    await caller.close();
    await sql.end({ timeout: 5 });
  }
}
