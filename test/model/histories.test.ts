import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { History } from "./history.ts";
import { type Lab, makeLab } from "./lab.ts";
import { makeHistory } from "./make-history.ts";
import type { Kind } from "./oracle.ts";
import { runHistory } from "./run-history.ts";
import { shrink } from "./shrink.ts";

/**
 * `MODEL_SEED=7 MODEL_COUNT=500 npx vitest run test/model` is the long form. `MODEL_HISTORY='{…}'` replays one history
 * from its data, and prints what happened in it.
 */
const SEED = Number(process.env.MODEL_SEED ?? 1);
const COUNT = Number(process.env.MODEL_COUNT ?? 40);
const STEPS = Number(process.env.MODEL_STEPS ?? 24);
const GIVEN = process.env.MODEL_HISTORY;
const AT_ONCE = 20;

const totals = { failed: 0, sent: 0 };
const found: Record<Kind, number> = { twice: 0, missing: 0, "wanted removed": 0, "without row": 0, other: 0 };
/** Whether triggers request syncs is a matter of the database, so there is one for each. */
let labs: { asked: Lab; unasked: Lab };
const labFor = ({ start }: History) => (start.autoSync ? labs.unasked : labs.asked);

async function judge(history: History) {
  const { violations, sent } = await runHistory(labFor(history), history);
  totals.sent += sent;
  return violations;
}

/** @returns what is wrong, cut down and with the command that replays it; null for a history that ends well */
async function tell(history: History): Promise<string | null> {
  const violations = await judge(history);
  if (violations.length === 0) return null;
  totals.failed += 1;
  for (const kind of new Set(violations.map((violation) => violation.kind))) found[kind] += 1;
  const small = await shrink(history, judge);
  return [
    `seed ${history.seed}: MODEL_SEED=${history.seed} MODEL_COUNT=1 MODEL_STEPS=${STEPS} npx vitest run test/model/histories.test.ts`,
    ...violations.map(({ kind, text }) => `  ${kind}: ${text}`),
    `cut down to ${small.steps.length} steps: MODEL_HISTORY='${JSON.stringify(small)}' npx vitest run test/model/histories.test.ts`,
  ].join("\n");
}

beforeAll(async () => {
  labs = { asked: await makeLab(), unasked: await makeLab({ autoSync: true }) };
});

afterAll(async () => {
  await labs.asked.close();
  await labs.unasked.close();
  const { twice, missing } = found;
  const counts = {
    twice,
    missing,
    wanted_removed: found["wanted removed"],
    without_row: found["without row"],
  };
  const line = {
    part: "histories",
    seed: SEED,
    count: COUNT,
    failed: totals.failed,
    ...counts,
    calls: totals.sent,
  };
  process.stdout.write(`PROOF ${JSON.stringify(line)}\n`);
});

describe("random histories end exactly right", () => {
  if (GIVEN !== undefined) {
    test("the given one", { timeout: 600_000 }, async () => {
      const history = JSON.parse(GIVEN) as History;
      const { violations, log } = await runHistory(labFor(history), history);
      process.stdout.write(`${log.join("\n")}\n`);
      expect(violations).toEqual([]);
    });
    return;
  }
  for (let from = SEED; from < SEED + COUNT; from += AT_ONCE) {
    const to = Math.min(from + AT_ONCE, SEED + COUNT);
    test(`seeds ${from} to ${to - 1}`, { timeout: 1_800_000 }, async () => {
      const wrong: string[] = [];
      for (let seed = from; seed < to; seed++) {
        const told = await tell(makeHistory(seed, STEPS));
        if (told !== null) wrong.push(told);
      }
      expect(wrong.join("\n\n")).toBe("");
    });
  }
});
