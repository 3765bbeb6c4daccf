import { setTimeout as sleep } from "node:timers/promises";
import { type Clocks, startStopwatch } from "./claim-clock.ts";
import { isInTheWay, mayPass, messageOf } from "./database-error.ts";
import type { Log } from "./log.ts";

/** Runs the recording of an outcome until it succeeded, or nothing is gained by trying. */
export type Recorder = <T>(work: () => Promise<T>) => Promise<T>;

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
/** How often a statement is tried that Postgres itself refuses. */
const REFUSALS = 5;

/**
 * What Flex did must be remembered: it is recorded as soon as the database takes it again. A record is fenced by the
 * claim's token, so trying again is harmless. After `stop` it goes on for a while only: then the claim runs out, and
 * the next drainer reads what became of it.
 *
 * @param patienceMs how long to go on after `stop`
 */
export function createRecorder(
  log: Log,
  clocks: Clocks,
  patienceMs: number,
): { record: Recorder; stop(): void } {
  let sinceStop: (() => number) | undefined;
  const record: Recorder = async (work) => {
    let refusals = 0;
    const sinceBegun = startStopwatch(clocks);
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(wait * 2, LONGEST_RETRY_MS)) {
      try {
        return await work();
      } catch (error) {
        if (!mayPass(error)) refusals += 1;
        const ranOut = sinceStop !== undefined && Math.min(sinceStop(), sinceBegun()) > patienceMs;
        if (refusals >= REFUSALS || ranOut) throw error;
        if (!isInTheWay(error)) log.warn({ error: messageOf(error) }, "cannot record an outcome yet");
        await sleep(wait);
      }
    }
  };
  return {
    record,
    stop() {
      sinceStop ??= startStopwatch(clocks);
    },
  };
}
