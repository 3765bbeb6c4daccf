/** One run of vitest that is a part of the proof. */
export type Part = { name: string; folder: string; count: string; env: Record<string, string> };

export type Wanted = { seed: number; kills: number; histories: number; explore: string };

/** How many histories one process lives through: small enough that two processes end at about the same time. */
const HISTORIES_AT_ONCE = 1_000;

/** What has to be run, in groups: the parts of a group may run side by side. */
export function partsOf({ seed, kills, histories, explore }: Wanted): Part[][] {
  const killPoints: Part = {
    name: "kill points",
    folder: "test/kill-points",
    count: `seed ${seed}, ${kills} kills`,
    env: { KILL_SEED: `${seed}`, KILL_COUNT: `${kills}` },
  };
  const exhaustive: Part = {
    name: "exhaustive",
    folder: "test/exhaustive",
    count: explore,
    env: explore === "full" ? { EXPLORE: "full" } : {},
  };
  const shards: Part[] = [];
  const size = Math.min(HISTORIES_AT_ONCE, Math.ceil(histories / 2));
  for (let from = 0; from < histories; from += size) {
    const count = Math.min(size, histories - from);
    shards.push({
      name: "histories",
      folder: "test/model/histories.test.ts",
      count: `seeds ${seed + from} to ${seed + from + count - 1}`,
      env: { MODEL_SEED: `${seed + from}`, MODEL_COUNT: `${count}` },
    });
  }
  // Processes that are killed at a moment are timed: nothing runs beside them.
  return [kills > 0 ? [killPoints] : [], [...(explore === "none" ? [] : [exhaustive]), ...shards]];
}
