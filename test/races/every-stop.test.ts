import { expect, test } from "vitest";
import { ONCE_A_DEADLOCK } from "./locks.ts";
import { openRace } from "./pair.ts";
import { PARTICIPANTS } from "./participants.ts";
import { makeGates, stopAndGoOn } from "./stopped-midway.ts";
import { openSession } from "./two-sessions.ts";

/** `RACES=full` takes all, otherwise a sixth, and where there was a deadlock once. */
const FULL = process.env.RACES === "full";

test("wherever a transaction is when another one begins, the two never deadlock", {
  timeout: 1_800_000,
}, async () => {
  const race = await openRace();
  const gate = await openSession(race.url);
  const wrong: string[] = [];
  let number = 0;
  for (const [place, table] of (await makeGates(race)).entries()) {
    for (const [row, one] of PARTICIPANTS.entries()) {
      for (const [column, other] of PARTICIPANTS.entries()) {
        const stop = `${one.name} | ${table} | ${other.name}`;
        if (!FULL && !ONCE_A_DEADLOCK.has(stop) && (row + column + place) % 6 !== 0) continue;
        const errors = await stopAndGoOn(race, gate, one, table, other);
        if (errors === null) break;
        number += 1;
        if (errors.some((error) => error !== null)) wrong.push(`${stop}: ${errors}`);
      }
    }
  }
  console.info(`${number} pairs with a stop`);
  expect(number).toBeGreaterThan(PARTICIPANTS.length);
  expect(wrong).toEqual([]);
});
