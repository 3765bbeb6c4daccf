import { readFileSync } from "node:fs";
import postgres, { type ReservedSql } from "postgres";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { createDatabase } from "../postgres/database.ts";
import { openExploredDatabase } from "./database.ts";
import { explore } from "./explore.ts";
import { KNOWN_BUGS, putIn } from "./known-bugs.ts";
import { replay } from "./replay.ts";
import { SHARE, startOf, WHOLE } from "./scenarios.ts";
import type { Left, State } from "./state.ts";

/**
 * Every interleaving of two drainers, two requests and what may go wrong for one person, explored against the real
 * functions on a real Postgres. README.md says what is covered, what is not, and how to run the long form.
 */
const { EXPLORE, REPLAY } = process.env;
const SCENARIOS = EXPLORE === "full" ? WHOLE : EXPLORE ? [JSON.parse(EXPLORE) as Partial<Left>] : SHARE;

async function openConnection(): Promise<ReservedSql> {
  const { url } = await createDatabase();
  const pool = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => pool.end({ timeout: 1 }));
  return pool.reserve();
}

const inWords = (left: Partial<Left>) =>
  Object.entries({ requests: 2, ...left })
    .map(([what, times]) => `${times} ${what}`)
    .join(", ");

const proof = { count: 0, failed: 0, twice: 0, missing: 0, wanted_removed: 0, without_row: 0 };
afterAll(
  () => void process.stdout.write(`PROOF ${JSON.stringify({ part: "exhaustive", seed: 0, ...proof })}\n`),
);

describe("every order of things comes out exactly right", () => {
  for (const left of SCENARIOS) {
    test(`with ${inWords(left)}`, { timeout: 1_800_000 }, async () => {
      const database = await openExploredDatabase(await openConnection());
      const report = await explore(database, await startOf(database, left));
      const { states, transitions, ends, compared, counterexample } = report;
      console.info(
        `${inWords(left)}: ${states} states, ${transitions} transitions, ${ends} ends, ${compared} compared`,
      );
      const wrong = counterexample?.wrong.join() ?? "";
      proof.count += transitions;
      proof.failed += Number(counterexample !== null);
      proof.twice += Number(/[2-9] (times|lines in Flex)/.test(wrong));
      proof.missing += Number(/0 lines in Flex, wanted 1/.test(wrong));
      proof.wanted_removed += Number(/the only line of somebody desired/.test(wrong));
      expect(counterexample, JSON.stringify({ left, ...counterexample }, null, 2)).toBeNull();
      expect(ends).toBeGreaterThan(0);
    });
  }
});

describe("a bug that is put in is found, and its counterexample shows it again", () => {
  for (const bug of KNOWN_BUGS) {
    test(bug.name, { timeout: 300_000 }, async () => {
      const sql = await openConnection();
      await putIn(sql, bug);
      const database = await openExploredDatabase(sql);
      const start = await startOf(database, bug.left);
      const { counterexample } = await explore(database, start);
      expect(counterexample?.wrong ?? [], JSON.stringify(counterexample, null, 2)).toContain(bug.shows);
      expect(await replay(database, start, counterexample?.actions ?? [])).toContain(bug.shows);
    });
  }
});

if (REPLAY) {
  test(`${REPLAY} shows what is wrong`, async () => {
    const { left, actions } = JSON.parse(readFileSync(REPLAY, "utf8"));
    const database = await openExploredDatabase(await openConnection());
    let known: State["rows"] = {};
    const wrong = await replay(database, await startOf(database, left), actions, (name, { rows }) => {
      const changed = Object.entries(rows).filter(
        ([table, now]) => JSON.stringify(now) !== JSON.stringify(known[table]),
      );
      console.info(name, Object.fromEntries(changed));
      known = rows;
    });
    expect(wrong).toEqual([]);
  });
}
