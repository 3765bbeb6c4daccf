import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { History } from "./history.ts";
import { makeLab } from "./lab.ts";
import { runHistory } from "./run-history.ts";

/** Histories that went wrong once, cut down, and what was wrong. */
const KNOWN = JSON.parse(readFileSync(new URL("known-histories.json", import.meta.url), "utf8")) as {
  was: string;
  history: History;
}[];

test.each(KNOWN)("no more: $was", async ({ history }) => {
  const lab = await makeLab({ autoSync: history.start.autoSync });
  try {
    const { violations } = await runHistory(lab, history);
    expect(violations).toEqual([]);
  } finally {
    await lab.close();
  }
});
