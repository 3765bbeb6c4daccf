import { expect, test } from "vitest";
import { makeCases } from "./cases.ts";
import { drainerToCutOff } from "./drainer-to-cut-off.ts";
import { liveThroughAll, summaryOf, troublesOf } from "./live-through-all.ts";

/** In the long form, a fifth of the cases of `kill-points.test.ts`; the same variables live through one again. */
const SEED = Number(process.env.KILL_SEED ?? 1);
const FIRST = Number(process.env.KILL_FIRST ?? 0);
const COUNT = process.env.KILL_COUNT ? Math.ceil(Number(process.env.KILL_COUNT) / 5) : 6;

test(`the connections of ${COUNT} drainers are terminated, and nobody is twice, forgotten or wiped`, {
  timeout: 120_000 + COUNT * 10_000,
}, async () => {
  // With its connection gone, a transaction that has to commit cannot: the other half of these points is for kills.
  const cases = makeCases(SEED, FIRST, COUNT).filter(({ point }) => !point.endsWith("then committed"));
  const lives = await liveThroughAll(cases, drainerToCutOff);
  console.log(summaryOf("cut connections", SEED, FIRST, lives));
  expect(troublesOf(SEED, lives)).toEqual([]);
});
