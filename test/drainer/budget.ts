import { moveClock } from "../functions/move-clock.ts";
import { drainUntilRest, type Stage, type Stepper, setStage } from "./stage.ts";

/** A stage on which Flex's clock and the database's are moved together. */
export type TimedStage = Stage & { pass(ms: number): Promise<void> };

/** @param startsAt milliseconds since 1970 on Flex's clock; how long the run itself takes is added */
export async function setTimedStage(
  simulator: Parameters<typeof setStage>[0] = {},
  startsAt: number = Date.now(),
): Promise<TimedStage> {
  let passed = startsAt - Date.now();
  const stage = await setStage({ ...simulator, clock: () => Date.now() + passed });
  return Object.assign(stage, {
    async pass(ms: number) {
      await moveClock(stage.sql, `${ms} milliseconds`);
      passed += ms;
    },
  });
}

/** All of them at once, until none finds anything to do. */
export async function drainTogether(drainers: Stepper[]): Promise<void> {
  await Promise.all(drainers.map(drainUntilRest));
  // What one of them left to another that was just leaving.
  for (const drainer of drainers) await drainUntilRest(drainer);
}

/** Let pass what anything waits for. @returns false when nothing waits for time */
export async function passToNextWork(stage: TimedStage): Promise<boolean> {
  const [next] = await stage.sql<{ ms: number | null }[]>`
    select ceil(extract(epoch from greatest(at - flex_sync.clock(), interval '1 ms')) * 1000)::float8 as ms
    from flex_sync.next_work_at() as at where at < 'infinity'`;
  if (!next?.ms) return false;
  await stage.pass(next.ms);
  return true;
}

/** The most calls that fell into any window of this length, at any moment; times in milliseconds, rising. */
export function mostInAnyWindow(times: number[], lengthMs: number): number {
  let most = 0;
  let from = 0;
  for (const [index, time] of times.entries()) {
    while ((times[from] as number) <= time - lengthMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
