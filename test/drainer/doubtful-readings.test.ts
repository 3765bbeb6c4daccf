import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { FaultAction } from "../../src/simulator/faults.ts";
import { ana, assign, ben, cleo, unassign } from "../crew-call.ts";
import { crewInFlex, drainToTheEnd, setStage } from "./stage.ts";

type Row = Record<string, unknown>;
type Doubt = {
  seen: string;
  /** `flex_sync.elements.doubt_reason` */
  reason: string;
  /** What Flex shows instead of the one line that is there. */
  instead: FaultAction | ((row: Row) => unknown);
};

const OTHER = "cccccccc-0000-4000-8000-000000000001";
const nested = (depth: number): Row[] => [{ id: null, children: depth === 1 ? [{}] : nested(depth - 1) }];

const DOUBTS: Doubt[] = [
  { seen: "403", reason: "error_status", instead: { kind: "answer", status: 403 } },
  { seen: "503", reason: "error_status", instead: { kind: "gateway", status: 503 } },
  { seen: "a redirect", reason: "error_status", instead: { kind: "redirect" } },
  { seen: "202", reason: "error_status", instead: { kind: "accepted" } },
  { seen: "a reset", reason: "no_answer", instead: { kind: "reset" } },
  { seen: "half of the body", reason: "no_answer", instead: { kind: "truncate" } },
  { seen: "no JSON", reason: "not_json", instead: { kind: "list", transform: "not-json" } },
  { seen: "an empty body", reason: "not_json", instead: { kind: "answer", status: 200 } },
  { seen: "a login page", reason: "not_json", instead: { kind: "login-page" } },
  { seen: "a wrapped array", reason: "not_an_array", instead: { kind: "list", transform: "wrapped" } },
  { seen: "an exceptionMessage in a 200", reason: "not_an_array", instead: { kind: "exception-message" } },
  { seen: "null", reason: "not_an_array", instead: { kind: "answer", status: 200, body: "null" } },
  { seen: "a row that is text", reason: "row_not_an_object", instead: (row) => [row, "row"] },
  { seen: "a row that is null", reason: "row_not_an_object", instead: (row) => [null, row] },
  {
    seen: "a child that is no row",
    reason: "row_not_an_object",
    instead: (row) => [{ ...row, children: [7] }],
  },
  {
    seen: "children in an object",
    reason: "children_not_an_array",
    instead: (row) => [{ ...row, children: { 0: row } }],
  },
  {
    seen: "a line id twice",
    reason: "repeated_line_id",
    instead: (row) => [row, { ...row, resourceId: OTHER }],
  },
  {
    seen: "a line id again below itself",
    reason: "repeated_line_id",
    instead: (row) => [{ ...row, children: [row] }],
  },
  {
    seen: "a resource without a line id",
    reason: "resource_without_line_id",
    instead: (row) => [row, { resourceId: OTHER }],
  },
  {
    seen: "two resources in one row",
    reason: "conflicting_resource",
    instead: (row) => [{ ...row, resource: { id: OTHER } }],
  },
  { seen: "more than 50 levels", reason: "too_deep", instead: () => nested(50) },
  {
    seen: "more than 20,000 rows",
    reason: "too_many_rows",
    instead: (row) => [row, ...new Array(20_000).fill({})],
  },
];

test.each(DOUBTS)(
  "$seen: nothing is written on that element, others go on, and the next good reading heals",
  async ({ reason, instead }) => {
    const stage = await setStage();
    const drainer = stage.drainer();
    const [bad, good] = [await stage.makeCrewCall([ana]), await stage.makeCrewCall([])];
    await stage.syncAndDrain(bad, drainer);
    const recorded = await stage.recorded(bad);
    await unassign(stage.sql, bad, [ana]);
    await assign(stage.sql, bad, [ben]);
    await assign(stage.sql, good, [cleo]);

    const [line] = stage.flex.contactLinesOf(bad.element);
    const row = { id: line?.id, resourceId: ana.resource, managedResourceLineItemType: "contact" };
    const fault: FaultAction =
      typeof instead === "function" ? { kind: "answer", status: 200, body: instead(row) } : instead;
    stage.flex.fault({ route: "list", element: bad.element, do: fault });
    stage.flex.clearCalls();
    await stage.sync(bad);
    await stage.syncAndDrain(good, drainer);
    const onBad = stage.flex.calls.filter(({ element }) => element === bad.element);
    expect(onBad.map(({ route }) => route)).toEqual(["list"]);
    expect(await stage.recorded(bad)).toEqual(recorded);
    expect(await stage.conditionOf(bad)).toEqual({ condition: "pending", reason: "doubtful_reading" });
    expect(await stage.conditionOf(good)).toMatchObject({ condition: "synced" });
    const [element] =
      await stage.sql`select doubt_reason from flex_sync.elements where flex_element_id = ${bad.element}`;
    expect(element?.doubt_reason).toBe(reason);

    await drainToTheEnd(stage, drainer);
    expect(crewInFlex(stage, bad)).toEqual([ben.resource]);
    expect(await stage.conditionOf(bad)).toMatchObject({ condition: "synced" });
  },
);

test("every documented doubt about a reading is among them", () => {
  const section = readFileSync("docs/reasons.md", "utf8")
    .split("## Why a reading is doubted")[1]
    ?.split("\n## ")[0];
  const documented = [...(section ?? "").matchAll(/^\| `(\w+)`/gm)].map(([, reason]) => reason);
  // About the token's user, and a doubt without a name.
  const others = ["not_an_object", "error_body", "unreadable"];
  expect(new Set([...DOUBTS.map(({ reason }) => reason), ...others])).toEqual(new Set(documented));
});
