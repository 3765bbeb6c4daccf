import { expect, test } from "vitest";
import { partsOf } from "./parts.ts";
import { foundIn } from "./run-part.ts";

test("every history is lived through once, whatever their number", () => {
  for (const histories of [1, 2, 999, 10_000, 12_345]) {
    const seeds = partsOf({ seed: 7, kills: 0, histories, explore: "none" })
      .flat()
      .flatMap(({ env }) =>
        Array.from({ length: Number(env.MODEL_COUNT) }, (_, n) => Number(env.MODEL_SEED) + n),
      );
    expect(seeds).toEqual(Array.from({ length: histories }, (_, n) => 7 + n));
  }
});

test("nothing runs beside the processes that are killed", () => {
  const [first, second] = partsOf({ seed: 1, kills: 10, histories: 10, explore: "full" });
  expect(first?.map(({ name }) => name)).toEqual(["kill points"]);
  expect(new Set(second?.map(({ name }) => name))).toEqual(new Set(["exhaustive", "histories"]));
});

test("a summary without one of its numbers does not count as none", () => {
  const good = '{"failed":0,"twice":0,"missing":1,"wanted_removed":0,"without_row":0}';
  expect(foundIn(`noise\nstdout | PROOF ${good}\n`)).toMatchObject({ failed: 0, missing: 1 });
  expect(foundIn('PROOF {"failed":0}')?.twice).toBeNaN();
  expect(foundIn("Tests 1 passed")).toBeNull();
});
