import { describe, expect, it } from "vitest";
import { ANA, done, ELEMENT, ROLE, startFlex } from "./running-simulator.ts";

describe("the quota", () => {
  const message = (limit: string, unit: string) =>
    `Maximum API request limit of ${limit} reached for this ${unit}.`;

  it("ends after 2,000 requests an hour with the recorded text, and comes back", async () => {
    let now = Date.parse("2026-03-01T10:30:00Z");
    const { flex, caller } = await startFlex({ clock: () => now });
    const batch = () => Promise.all(Array.from({ length: 20 }, () => caller.currentUser()));
    for (let i = 0; i < 100; i += 1) await batch();
    const outcome = await caller.currentUser();
    expect(outcome).toMatchObject({ class: "rate_limited", retryAfterMs: null });
    expect("error" in outcome && outcome.error).toContain(message("2,000", "hour"));
    now += 1_800_000;
    expect(await caller.currentUser()).toMatchObject({ class: "done" });
    expect(flex.calls).toHaveLength(2_002);
  });

  it("ends at the day's limit", async () => {
    const { caller } = await startFlex({ limits: { daily: 1 } });
    await caller.currentUser();
    const outcome = await caller.currentUser();
    expect("error" in outcome && outcome.error).toContain(message("1", "day"));
  });

  it("ends at 30 requests at once", async () => {
    const { flex, caller } = await startFlex({}, { connections: 40 });
    flex.fault({ route: "user", forever: true, do: { kind: "wait" } });
    const calls = Array.from({ length: 32 }, () => caller.currentUser());
    await flex.waitForCalls(32);
    await flex.waitForCalls(2, { ended: true });
    flex.release();
    const classes = (await Promise.all(calls)).map((outcome) => outcome.class);
    expect(classes.filter((outcomeClass) => outcomeClass === "rate_limited")).toHaveLength(2);
    expect(flex.maxConcurrent).toBeGreaterThan(30);
  });

  it("can be switched off", async () => {
    const { flex, caller } = await startFlex({ limits: { hourly: 0 } });
    expect(await caller.currentUser()).toMatchObject({ class: "rate_limited" });
    flex.configure({ limits: false });
    expect(await caller.currentUser()).toMatchObject({ class: "done" });
  });
});

describe("the log", () => {
  it("says what was asked and what came of it, and never the token", async () => {
    const { flex, caller } = await startFlex();
    const { lineItemId } = done(await caller.addResource(ELEMENT, ANA));
    await caller.setBusinessRole(ELEMENT, lineItemId, ROLE);
    await caller.removeLine(lineItemId);
    await caller.removeLine(lineItemId);
    await flex.waitForCalls(4, { ended: true });
    expect(flex.calls).toMatchObject([
      { number: 1, route: "add", element: ELEMENT, resource: ANA, status: 200, applied: true, concurrent: 1 },
      {
        number: 2,
        route: "role",
        element: ELEMENT,
        line: lineItemId,
        resource: ANA,
        status: 200,
        applied: true,
      },
      { number: 3, route: "remove", element: ELEMENT, line: lineItemId, status: 200, applied: true },
      { number: 4, route: "remove", line: lineItemId, status: 400, applied: false },
    ]);
    expect(flex.calls[0]?.params).toEqual({
      resourceParentId: "",
      managedResourceLineItemType: "contact",
      quantity: "1",
      parentLineItemId: "",
      nextSiblingId: "",
    });
    expect(JSON.stringify(flex.state())).not.toContain(flex.token);
    flex.clearCalls();
    expect(flex.calls).toEqual([]);
  });
});
