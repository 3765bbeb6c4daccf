import { describe, expect, it } from "vitest";
import type { FaultAction } from "../../src/simulator/faults.ts";
import type { ListTransform } from "../../src/simulator/list-transforms.ts";
import { ANA, BEN, done, ELEMENT, ROLE, startFlex } from "./running-simulator.ts";

type Row = [action: FaultAction, outcome: object, lines: number];

const strikes: Row[] = [
  [{ kind: "reset" }, { class: "unknown", status: null }, 1],
  [{ kind: "reset", when: "before" }, { class: "unknown", status: null }, 0],
  [{ kind: "hang" }, { class: "unknown", status: null }, 1],
  [{ kind: "hang", when: "before" }, { class: "unknown", status: null }, 0],
  [{ kind: "hang-body" }, { class: "unknown", status: 200 }, 1],
  [{ kind: "hang-body", when: "before" }, { class: "unknown", status: 200 }, 0],
  [{ kind: "truncate" }, { class: "unknown", status: 200 }, 1],
  [{ kind: "truncate", when: "before" }, { class: "unknown", status: 200 }, 0],
  [{ kind: "answer", status: 500 }, { class: "unknown", status: 500 }, 1],
  [{ kind: "answer", status: 500, when: "before" }, { class: "unknown", status: 500 }, 0],
  [{ kind: "answer", status: 422, body: { exceptionMessage: "No" } }, { class: "refused", status: 422 }, 0],
  [{ kind: "answer", status: 422, when: "after" }, { class: "refused", status: 422 }, 1],
  [{ kind: "answer", status: 200, body: "ok" }, { class: "unknown", status: 200 }, 1],
  [
    { kind: "answer", status: 429, headers: { "retry-after": "7" } },
    { class: "rate_limited", retryAfterMs: 7_000 },
    0,
  ],
  [{ kind: "gateway", status: 502 }, { class: "unknown", status: 502 }, 1],
  [{ kind: "gateway", status: 504, when: "before" }, { class: "unknown", status: 504 }, 0],
  [{ kind: "accepted" }, { class: "unknown", status: 202 }, 1],
  [{ kind: "login-page" }, { class: "unknown", status: 200 }, 0],
  [{ kind: "redirect" }, { class: "unknown", status: 302 }, 0],
  [{ kind: "exception-message" }, { class: "unknown", status: 200 }, 0],
  [{ kind: "success-false", when: "after" }, { class: "unknown", status: 200 }, 1],
  [{ kind: "rate-limited" }, { class: "rate_limited", retryAfterMs: null }, 0],
  [{ kind: "rate-limited", retryAfter: "3" }, { class: "rate_limited", retryAfterMs: 3_000 }, 0],
  [{ kind: "unauthorized" }, { class: "unauthorized", status: 401 }, 0],
  [{ kind: "no-op" }, { class: "done", status: 200 }, 0],
  [{ kind: "delay", ms: 5 }, { class: "done", status: 200 }, 1],
];

describe("a fault on an add", () => {
  it.each(strikes)("%j shows as %j and leaves %i lines", async (action, outcome, lines) => {
    const { flex, caller } = await startFlex({}, { timeoutMs: 250 });
    flex.fault({ route: "add", do: action });
    expect(await caller.addResource(ELEMENT, ANA)).toMatchObject(outcome);
    expect(flex.linesOf(ELEMENT)).toHaveLength(lines);
    expect(flex.calls).toMatchObject([{ fault: action.kind, applied: lines === 1 }]);
    expect(await caller.addResource(ELEMENT, ANA)).toMatchObject({ class: "done" });
  });
});

describe("faults on other writes", () => {
  it("leave a role unset and a deleted line in place when they are no-ops", async () => {
    const { flex, caller } = await startFlex();
    const line = flex.humanAdds(ELEMENT, ANA);
    flex.fault({ route: "role", do: { kind: "no-op" } });
    flex.fault({ route: "remove", do: { kind: "no-op" } });
    done(await caller.setBusinessRole(ELEMENT, line, ROLE));
    done(await caller.removeLine(line));
    expect(flex.linesOf(ELEMENT)).toMatchObject([{ id: line, roleId: null }]);
  });

  it("let a deletion happen and lose its answer", async () => {
    const { flex, caller } = await startFlex();
    const line = flex.humanAdds(ELEMENT, ANA);
    flex.fault({ route: "remove", line, do: { kind: "reset" } });
    expect(await caller.removeLine(line)).toMatchObject({ class: "unknown" });
    expect(flex.linesOf(ELEMENT)).toEqual([]);
  });
});

describe("apply-late", () => {
  it.each([
    [undefined, { class: "done" }],
    ["hang", { class: "unknown", status: null }],
    ["reset", { class: "unknown", status: null }],
    ["gateway", { class: "unknown", status: 504 }],
  ] as const)("answers %j at once and stores on applyLate", async (answer, outcome) => {
    const { flex, caller } = await startFlex({}, { timeoutMs: 250 });
    flex.fault({ route: "add", do: { kind: "apply-late", ...(answer ? { answer } : {}) } });
    expect(await caller.addResource(ELEMENT, ANA)).toMatchObject(outcome);
    expect(flex.linesOf(ELEMENT)).toEqual([]);
    expect(flex.applyLate()).toBe(1);
    expect(flex.contactLinesOf(ELEMENT)).toMatchObject([{ resourceId: ANA }]);
    expect(flex.calls).toMatchObject([{ applied: true }]);
    expect(flex.applyLate()).toBe(0);
  });

  it("stores by itself after a while", async () => {
    const { flex, caller } = await startFlex();
    flex.fault({ route: "add", do: { kind: "apply-late", afterMs: 30 } });
    done(await caller.addResource(ELEMENT, ANA));
    await expect.poll(() => flex.linesOf(ELEMENT).length).toBe(1);
  });
});

describe("wait", () => {
  it.each([
    ["before", 0],
    ["after", 1],
  ] as const)("%s the effect holds the answer until release", async (when, lines) => {
    const { flex, caller } = await startFlex();
    flex.fault({ route: "add", do: { kind: "wait", when } });
    const adding = caller.addResource(ELEMENT, ANA);
    await flex.waitForCalls(1, { route: "add" });
    await expect.poll(() => flex.calls[0]?.fault).toBe("wait");
    expect(flex.linesOf(ELEMENT)).toHaveLength(lines);
    flex.release();
    done(await adding);
    expect(flex.linesOf(ELEMENT)).toHaveLength(1);
  });
});

describe("spoiled readings", () => {
  it.each<[ListTransform, object]>([
    ["wrapped", { class: "doubtful", reason: "not_an_array" }],
    ["duplicate-row", { class: "doubtful", reason: "repeated_line_id" }],
    ["row-not-an-object", { class: "doubtful", reason: "row_not_an_object" }],
    ["resource-without-id", { class: "doubtful", reason: "resource_without_line_id" }],
    ["not-json", { class: "doubtful", reason: "not_json" }],
    ["empty", { class: "done", value: [] }],
    ["drop-first", { class: "done", value: [{ flex_resource_id: BEN }] }],
  ])("%s", async (transform, outcome) => {
    const { flex, caller } = await startFlex();
    flex.humanAdds(ELEMENT, ANA);
    flex.humanAdds(ELEMENT, BEN);
    flex.fault({ route: "list", do: { kind: "list", transform } });
    expect(await caller.readLines(ELEMENT)).toMatchObject(outcome);
    expect(done(await caller.readLines(ELEMENT))).toHaveLength(2);
  });

  it("shuffle keeps every row", async () => {
    const { flex, caller } = await startFlex();
    const ids = [flex.humanAdds(ELEMENT, ANA), flex.humanAdds(ELEMENT, BEN)];
    flex.fault({ route: "list", do: { kind: "list", transform: "shuffle" } });
    const seen = done(await caller.readLines(ELEMENT)).map((line) => line.flex_line_item_id);
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  it("show an added line and lose a deleted one some readings later", async () => {
    const { flex, caller } = await startFlex();
    const count = async () => done(await caller.readLines(ELEMENT)).length;
    flex.fault({ route: "add", do: { kind: "late-visible", reads: 2 } });
    const { lineItemId } = done(await caller.addResource(ELEMENT, ANA));
    expect([await count(), await count(), await count()]).toEqual([0, 0, 1]);
    flex.fault({ route: "remove", do: { kind: "late-gone", reads: 1 } });
    done(await caller.removeLine(lineItemId));
    expect(flex.linesOf(ELEMENT)).toEqual([]);
    expect([await count(), await count()]).toEqual([1, 0]);
  });
});

describe("a fault strikes", () => {
  const no: FaultAction = { kind: "answer", status: 400 };

  it("only the element, resource and line that it names", async () => {
    const { flex, caller } = await startFlex();
    const line = flex.humanAdds(ELEMENT, ANA);
    flex.fault({ route: "add", resource: BEN.toUpperCase(), forever: true, do: no });
    flex.fault({ route: "role", line, forever: true, do: no });
    flex.fault({ route: "any", element: BEN, forever: true, do: no });
    expect((await caller.addResource(ELEMENT, ANA)).class).toBe("done");
    expect((await caller.addResource(ELEMENT, BEN)).class).toBe("refused");
    expect((await caller.setBusinessRole(ELEMENT, line, ROLE)).class).toBe("refused");
    expect((await caller.readLines(BEN)).class).toBe("refused");
    expect((await caller.removeLine(line)).class).toBe("done");
  });

  it("from the nth request on, so many times, until it is removed", async () => {
    const { flex, caller } = await startFlex();
    const classes = async (count: number) => {
      const seen: string[] = [];
      for (let i = 0; i < count; i += 1) seen.push((await caller.readLines(ELEMENT)).class);
      return seen.map((outcomeClass) => (outcomeClass === "done" ? "." : "x")).join("");
    };
    const handle = flex.fault({ route: "list", nth: 2, times: 2, do: no });
    expect(await classes(5)).toBe(".xx..");
    expect(handle.struck).toBe(2);
    const forever = flex.fault({ route: "any", forever: true, do: no });
    expect(await classes(3)).toBe("xxx");
    forever.remove();
    expect(await classes(1)).toBe(".");
    flex.fault({ route: "list", do: no });
    flex.clearFaults();
    expect(await classes(1)).toBe(".");
  });

  it("one after the other when several are due", async () => {
    const { flex, caller } = await startFlex();
    flex.fault({ route: "add", do: { kind: "answer", status: 404 } });
    flex.fault({ route: "add", do: { kind: "answer", status: 409 } });
    const statuses: unknown[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await caller.addResource(ELEMENT, ANA)).status);
    expect(statuses).toEqual([404, 409, 200]);
  });
});
