import { expect, test } from "vitest";
import { actionsForPeople } from "../../src/cli/next-actions.ts";

const person = (n: number, next_action: string | null, condition = "failed") => ({
  technician_id: n > 0 ? `p${n}` : null,
  name: null as string | null,
  line: n > 0 ? null : "l1",
  condition,
  reason: null as string | null,
  next_action,
});

test("names an action once, with the people it is for", () => {
  const people = [1, 2, 3, 4].map((n) => person(n, "correct it"));
  expect(actionsForPeople(null, people)).toEqual(["p1, p2, p3 and 1 more: correct it"]);
  expect(actionsForPeople(null, [person(0, "look"), person(1, "correct it")])).toEqual([
    "line l1: look",
    "p1: correct it",
  ]);
});

test("leaves out what the crew call's own action says", () => {
  expect(
    actionsForPeople("sync", [person(1, "sync"), person(2, null), person(3, "approve", "held")]),
  ).toEqual([]);
});

test("says why in words, also where the crew call's own action is all there is to do", () => {
  const unmapped = { ...person(1, "set it", "unmapped"), reason: "no_resource" };
  expect(actionsForPeople(null, [unmapped])).toEqual(["p1: has no Flex contact id", "  set it"]);
  expect(actionsForPeople("set it", [unmapped])).toEqual(["p1: has no Flex contact id"]);
});

test("names people, and of several who are unmapped tells one action", () => {
  const unmapped = (n: number, name: string) => ({
    ...person(n, `set it, ${name}`, "unmapped"),
    name,
    reason: "no_resource",
  });
  expect(actionsForPeople(null, [unmapped(1, "Ana"), unmapped(2, "Ben")])).toEqual([
    "Ana p1, Ben p2: has no Flex contact id",
    "  set it, Ana",
  ]);
});
