import { describe, expect, test } from "vitest";
import { makeHistory } from "./history.ts";
import { seededRandom } from "./random.ts";
import { runHistory } from "./run-history.ts";
import { makeWorld } from "./world.ts";

/** `MODEL_SEED=7 MODEL_COUNT=500 npx vitest run test/model` is the long form; a failure names the seed to replay. */
const SEED = Number(process.env.MODEL_SEED ?? 1);
const COUNT = Number(process.env.MODEL_COUNT ?? 6);
const STEPS = Number(process.env.MODEL_STEPS ?? 25);

describe("random histories end exactly right", () => {
  for (let seed = SEED; seed < SEED + COUNT; seed++) {
    test(`seed ${seed}`, { timeout: 180_000 }, async () => {
      const random = seededRandom(seed);
      const history = makeHistory(random, STEPS);
      const world = await makeWorld();
      try {
        const wrong = await runHistory(world, history, random);
        expect(wrong, `replay with MODEL_SEED=${seed} MODEL_COUNT=1\n${JSON.stringify(history)}`).toEqual([]);
      } finally {
        await world.flex.stop();
        await world.database.drop();
      }
    });
  }
});
