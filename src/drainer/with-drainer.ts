import { hostname } from "node:os";
import { createFlexCaller } from "../flex-caller.ts";
import { type Clocks, systemClocks } from "./claim-clock.ts";
import { openDatabase } from "./database.ts";
import { createDrainer, type Drainer, PATIENCE_MS } from "./drainer.ts";
import { type Log, silentLog } from "./log.ts";
import { type DrainObserver, observedCaller, observedQueue } from "./observer.ts";
import { createQueue, type Queue } from "./queue.ts";
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
  /** Measures what the daemon does. */
  observer?: DrainObserver;
};

export type DrainerSet = {
  queue: Queue;
  drainer: Drainer;
  wakeUp: WakeUp;
  log: Log;
  clocks: Clocks;
  signal: AbortSignal;
};

const TIMEOUT_MS = 15_000;

/**
 * Put a drainer together, lend it, and end what is in flight however it went, in bounded time.
 *
 * @param patienceMs how long, after the signal, `work` may hang on a database that does not answer, and how long outcomes are tried to
 *   be recorded
 * @returns what `work` came to, undefined if it was left hanging
 */
export async function withDrainer<T>(
  options: DrainOptions,
  work: (set: DrainerSet) => Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<T | undefined> {
  const { timeoutMs = TIMEOUT_MS, log = silentLog, clocks = systemClocks, observer } = options;
  const signal = options.signal ?? new AbortController().signal;
  const flex = createFlexCaller({ baseUrl: options.flexBaseUrl, token: options.flexAuthToken, timeoutMs });
  const caller = observer ? observedCaller(flex, observer) : flex;
  const database = openDatabase(options.databaseUrl);
  const wakeUp = createWakeUp();
  const asked = createQueue(database.query, options.name ?? `${hostname()} ${process.pid}`, timeoutMs);
  const queue = observer ? observedQueue(asked, observer) : asked;
  const drainer = createDrainer({ queue, caller, wakeUp, log, timeoutMs, patienceMs, clocks });
  let leave = () => {};
  let leaving: NodeJS.Timeout | undefined;
  const left = new Promise<undefined>((resolve) => {
    leave = () => resolve(undefined);
  });
  const stop = () => {
    drainer.stop();
    leaving = setTimeout(leave, patienceMs);
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([work({ queue, drainer, wakeUp, log, clocks, signal }), left]);
  } finally {
    drainer.stop();
    // An answer of Flex takes as long as it may, and recording it as long as is sensible; a database that hangs no longer.
    await drainer.settled(timeoutMs + patienceMs);
    clearTimeout(leaving);
    signal.removeEventListener("abort", stop);
    await caller.close();
    await database.close();
  }
}
