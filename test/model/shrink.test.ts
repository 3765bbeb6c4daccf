import { expect, test } from "vitest";
import type { History, Step } from "./history.ts";
import { makeHistory } from "./make-history.ts";
import type { Violation } from "./oracle.ts";
import { shrink } from "./shrink.ts";

const has = (history: History, what: Step["do"]) => history.steps.some((step) => step.do === what);
const judge = async (history: History): Promise<Violation[]> =>
  has(history, "kill") && has(history, "freeze") ? [{ kind: "twice", text: "made up" }] : [];

test("a failing history is cut down to the steps that it takes", async () => {
  const seed = [...Array(100).keys()].find(
    (one) => has(makeHistory(one, 60), "freeze") && has(makeHistory(one, 60), "kill"),
  );
  const small = await shrink(makeHistory(seed ?? 0, 60), judge);
  expect(small.steps.map((step) => step.do).sort()).toEqual(["freeze", "kill"]);
});

test("a cut that fails in another way is not taken", async () => {
  const steps: Step[] = [{ do: "wait", ms: 1 }, { do: "restart the server" }];
  const fails = async ({ steps: left }: History): Promise<Violation[]> => [
    { kind: "other", text: left.length === 2 ? "the one looked for" : "another one" },
  ];
  const small = await shrink({ ...makeHistory(1, 0), steps }, fails);
  expect(small.steps).toEqual(steps);
});
