import { expect, test } from "vitest";
import { A_READING_DECIDES, MAY_WAIT } from "./locks.ts";
import { openRace, raceOf, serial } from "./pair.ts";
import { PARTICIPANTS } from "./participants.ts";

/** `RACES=full` takes all pairs, otherwise those that share a named lock and a fifth of the others. */
const FULL = process.env.RACES === "full";

test("while a transaction is open, another one waits as documented, and both end like one after the other", {
  timeout: 1_800_000,
}, async () => {
  const race = await openRace();
  const wrong: string[] = [];
  let number = 0;
  for (const [row, one] of PARTICIPANTS.entries()) {
    for (const [column, other] of PARTICIPANTS.entries()) {
      const expected = MAY_WAIT[one.kind][other.kind];
      const named = expected === "element" || expected === "budget";
      if (!FULL && !named && (row + column) % 5 !== 0) continue;
      number += 1;
      const pair = `${one.name} | ${other.name}`;
      const { waitedFor, errors, rows } = await raceOf(race, one, other);
      const waitsRightly =
        expected === "row" ? waitedFor !== "element" && waitedFor !== "budget" : waitedFor === expected;
      if (!waitsRightly) wrong.push(`${pair}: waits for ${waitedFor}, documented is ${expected}`);
      if (errors.some((error) => error !== null)) wrong.push(`${pair}: ${errors}`);
      if (pair in A_READING_DECIDES || rows === (await serial(race, one, other)).rows) continue;
      if (rows !== (await serial(race, other, one)).rows) wrong.push(`${pair}: ends like neither order`);
    }
  }
  console.info(`${number} pairs`);
  expect(wrong).toEqual([]);
});
