import { afterAll, beforeAll, expect, test } from "vitest";
import { buildDoomedDrainer } from "./build-doomed-drainer.ts";
import { makeCases } from "./cases.ts";
import { drainerToKill } from "./drainer-to-kill.ts";
import { liveThroughAll, summaryOf, troublesOf } from "./live-through-all.ts";

/**
 * `KILL_SEED=7 KILL_COUNT=1000 npx vitest run test/kill-points/kill-points.test.ts` is the long form. A failure says
 * how to live through one case again.
 */
const SEED = Number(process.env.KILL_SEED ?? 1);
const FIRST = Number(process.env.KILL_FIRST ?? 0);
const COUNT = Number(process.env.KILL_COUNT ?? 18);

let doomed: ReturnType<typeof buildDoomedDrainer>;
beforeAll(() => {
  doomed = buildDoomedDrainer();
});
afterAll(() => doomed.remove());

test(`${COUNT} drainers are killed, and the next one leaves nobody twice, nobody forgotten, nothing wiped`, {
  timeout: 120_000 + COUNT * 10_000,
}, async () => {
  const lives = await liveThroughAll(makeCases(SEED, FIRST, COUNT), () => drainerToKill(doomed.file));
  console.log(summaryOf("kill points", SEED, FIRST, lives));
  expect(troublesOf(SEED, lives)).toEqual([]);
});
