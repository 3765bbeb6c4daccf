import { describe, expect, test } from "vitest";
import { seededRandom } from "../model/random.ts";
import { makeHistory } from "./history.ts";
import { runHistory } from "./run-history.ts";
import { makeWorld } from "./world.ts";

/** `HTTP_MODEL_SEED=7 HTTP_MODEL_COUNT=500 npx vitest run test/model-over-http` is the long form; a failure names the seed to replay. */
const SEED = Number(process.env.HTTP_MODEL_SEED ?? 1);
const COUNT = Number(process.env.HTTP_MODEL_COUNT ?? 6);
const STEPS = Number(process.env.HTTP_MODEL_STEPS ?? 25);

describe("random histories end exactly right", () => {
  for (let seed = SEED; seed < SEED + COUNT; seed++) {
    test(`seed ${seed}`, { timeout: 180_000 }, async () => {
      const random = seededRandom(seed);
      const history = makeHistory(random, STEPS);
      const world = await makeWorld();
      try {
        const wrong = await runHistory(world, history, random);
        expect(
          wrong,
          `replay with HTTP_MODEL_SEED=${seed} HTTP_MODEL_COUNT=1\n${JSON.stringify(history)}`,
        ).toEqual([]);
      } finally {
        await world.flex.stop();
        await world.database.drop();
      }
    });
  }
});
