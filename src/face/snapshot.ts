import { sqlstateOf } from "../drainer/database-error.ts";

/** What was read, and how long ago, in milliseconds. */
export type Snapshot<T> = { value: T; ageMs: number };

export type SnapshotParts<T> = {
  read: () => Promise<T>;
  /** What is younger is not read again. */
  freshMs: number;
  /** What is older is not shown any more: rather an error. */
  oldestMs?: number;
  now?: () => number;
};

/** Between two readings lies at least this many times as long as the last one took. */
const REST = 10;
const OLDEST_MS = 300_000;

/**
 * Remembers what was read, for whoever asks at the same time or soon after: any number of pages and scrapes cost the
 * database at most a tenth of one connection.
 *
 * @returns asks for it, waiting so long for a new reading: after that the last one has to do
 */
export function createSnapshot<T>(parts: SnapshotParts<T>): (waitMs: number) => Promise<Snapshot<T>> {
  const { read, freshMs, oldestMs = OLDEST_MS, now = () => performance.now() } = parts;
  let last: { value: T; at: number } | undefined;
  let failure: unknown;
  let nextAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  async function readAgain(): Promise<void> {
    const begin = now();
    try {
      last = { value: await read(), at: begin };
      failure = undefined;
      nextAt = Math.max(begin + freshMs, now() + REST * (now() - begin));
    } catch (error) {
      failure = error ?? new Error("nothing could be read");
      // What the database gave up for taking too long would take as long again.
      const tooLong = sqlstateOf(error) === "57014";
      nextAt = now() + Math.max(freshMs, tooLong ? REST * (now() - begin) : 0);
    }
    reading = undefined;
  }

  return async (waitMs) => {
    if (now() >= nextAt) reading ??= readAgain();
    if (reading) await withinOrNot(waitMs, reading);
    if (failure !== undefined) throw failure;
    if (!last || now() - last.at > oldestMs) throw new Error("the database has not answered yet");
    return { value: last.value, ageMs: now() - last.at };
  };
}

async function withinOrNot(ms: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
