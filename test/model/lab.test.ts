import { expect, test } from "vitest";
import { makeLab } from "./lab.ts";
import { makeHistory } from "./make-history.ts";
import { readBaseline } from "./reset.ts";
import { runHistory } from "./run-history.ts";

test.for([false, true])(
  "after a reset the database is like a fresh one",
  { timeout: 120_000 },
  async (autoSync) => {
    const lab = await makeLab({ autoSync });
    const fresh = await readBaseline(lab.sql);
    await runHistory(lab, makeHistory(1, 30));
    expect(await readBaseline(lab.sql)).not.toEqual(fresh);
    await lab.reset(1);
    expect(await readBaseline(lab.sql)).toEqual(fresh);
    await lab.close();
  },
);

test("a history replays exactly, whatever ran before it", { timeout: 120_000 }, async () => {
  const lab = await makeLab();
  const history = makeHistory(11, 20);
  const once = await runHistory(lab, history);
  await runHistory(lab, makeHistory(12, 20));
  const again = await runHistory(lab, history);
  expect(again.log).toEqual(once.log);
  expect(once.log.length).toBeGreaterThan(50);
  await lab.close();
});
