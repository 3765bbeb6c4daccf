import { expect, test } from "vitest";
import { ana, ben } from "../crew-call.ts";
import { codeWords, tableRows } from "../documents/repository.ts";
import { crewInFlex, drainUntilRest, setStage } from "../drainer/stage.ts";
import { FAULTS } from "./fault-situations.ts";
import { follow, letTimePass, look, saysSo } from "./follow.ts";
import { MISCONFIGURATIONS } from "./misconfigurations.ts";
import { TROUBLES } from "./troubles.ts";

const SITUATIONS = [...MISCONFIGURATIONS, ...TROUBLES];

test.each(SITUATIONS.map((it) => [`${it.name}: ${it.crewCall}`, it] as const))("%s", async (_name, it) => {
  const stage = await setStage();
  const drainer = stage.drainer();
  const call = await stage.makeCrewCall(it.desired ?? [ana, ben]);
  await it.make(stage, call, drainer);
  if (!it.unasked) {
    await stage.sync(call);
    await drainUntilRest(drainer);
  }
  const nextAction = await saysSo(stage, call, it);

  await it.mend?.(stage, call);
  if (nextAction) await follow(stage, nextAction);
  await letTimePass(stage, drainer, call);
  expect(await look(stage, call)).toEqual({ crewCall: "synced", people: {}, nextAction: null });
  expect(crewInFlex(stage, call)).toEqual(
    (it.inFlex ?? it.desired ?? [ana, ben]).map((who) => who.resource).sort(),
  );
});

/** Pairs that ask nobody for anything and are gone in a moment, and lines that stay: their tests are in test/functions. */
const ELSEWHERE = [
  "held has_children",
  "pending sending",
  "pending queued",
  "pending backing_off",
  "pending removal_limit",
  "pending retired",
  "synced kept_by_policy",
  "synced foreign",
  "synced shared_resource",
];

test("every documented condition and reason is made here, or is one of a few", () => {
  const made = [...SITUATIONS, ...FAULTS].map(({ crewCall }) => crewCall);
  const conditions = new Set([...made, ...ELSEWHERE].map((pair) => pair.split(" ")[0]));
  const documented = tableRows("docs/reasons.md")
    .map((cells) => cells.slice(0, 2).map((cell) => codeWords(cell)[0]))
    .filter(([condition, reason]) => reason && conditions.has(condition))
    .map((pair) => pair.join(" "));
  expect(documented.filter((pair) => ![...made, ...ELSEWHERE].includes(pair))).toEqual([]);
  expect(ELSEWHERE.filter((pair) => made.includes(pair) || !documented.includes(pair))).toEqual([]);
});
