import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import type { FaultAction } from "../../src/simulator/faults.ts";
import { ana, ben, cleo } from "../crew-call.ts";
import { crewInFlex, drainToTheEnd, drainUntilRest, moveToNextWork, setStage } from "./stage.ts";

type Row = {
  seen: string;
  fault: FaultAction;
  /** What the add's row says as soon as nothing can be done without waiting. */
  state: string;
  http_status?: number | null;
  /** How often Flex was asked to add Ben in the end. */
  sends: number;
  /** Flex did it the first time. */
  landed?: boolean;
};

// What looks like trouble of Flex as a whole makes the element wait a second; everything else is read at once.
const UNKNOWN_AND_LANDED: Row[] = [
  { seen: "a reset after the request left", fault: { kind: "reset" }, state: "unknown" },
  { seen: "no answer", fault: { kind: "hang" }, state: "unknown" },
  { seen: "500", fault: { kind: "answer", status: 500, when: "after" }, state: "unknown" },
  { seen: "a 504 of the gateway", fault: { kind: "gateway", status: 504 }, state: "unknown" },
  { seen: "a truncated body", fault: { kind: "truncate" }, state: "done" },
  { seen: "half a body and then nothing", fault: { kind: "hang-body" }, state: "done" },
  { seen: "202", fault: { kind: "accepted" }, state: "done" },
  { seen: "408", fault: { kind: "answer", status: 408, when: "after" }, state: "done" },
  { seen: "a redirect", fault: { kind: "redirect", when: "after" }, state: "done" },
  { seen: "418", fault: { kind: "answer", status: 418, when: "after" }, state: "done" },
  {
    seen: "2xx without an id",
    fault: { kind: "answer", status: 200, body: {}, when: "after" },
    state: "done",
  },
  { seen: "a login page in a 200", fault: { kind: "login-page", when: "after" }, state: "done" },
  {
    seen: "an exceptionMessage in a 200",
    fault: { kind: "exception-message", when: "after" },
    state: "done",
  },
].map((row) => ({ ...row, fault: row.fault as FaultAction, sends: 1, landed: true }));

const UNKNOWN_AND_LOST: Row[] = [
  { seen: "a reset", fault: { kind: "reset", when: "before" } },
  { seen: "no answer", fault: { kind: "hang", when: "before" } },
  { seen: "202", fault: { kind: "accepted", when: "before" } },
  { seen: "408", fault: { kind: "answer", status: 408, when: "before" }, http_status: 408 },
  { seen: "a redirect", fault: { kind: "redirect", when: "before" }, http_status: 302 },
  { seen: "a login page in a 200", fault: { kind: "login-page", when: "before" } },
  { seen: "an exceptionMessage in a 200", fault: { kind: "exception-message", when: "before" } },
].map((row) => ({ ...row, fault: row.fault as FaultAction, state: "unknown", sends: 2 }));

const NOT_EXECUTED: Row[] = [
  { seen: "429", fault: { kind: "rate-limited" }, state: "pending", http_status: 429, sends: 2 },
  {
    seen: "429 with Retry-After",
    fault: { kind: "rate-limited", retryAfter: "120" },
    state: "pending",
    sends: 2,
  },
  { seen: "409", fault: { kind: "answer", status: 409, when: "before" }, state: "pending", sends: 2 },
  { seen: "423", fault: { kind: "answer", status: 423, when: "before" }, state: "pending", sends: 2 },
  { seen: "400", fault: { kind: "answer", status: 400, when: "before" }, state: "failed", sends: 1 },
  { seen: "422", fault: { kind: "answer", status: 422, when: "before" }, state: "failed", sends: 1 },
];

async function addBen({ fault, state, http_status, sends, landed = false }: Row): Promise<void> {
  const stage = await setStage();
  const drainer = stage.drainer(fault.kind.startsWith("hang") ? { timeoutMs: 700 } : {});
  const call = await stage.makeCrewCall([ben]);
  stage.flex.fault({ route: "add", do: fault });
  await stage.syncAndDrain(call, drainer);
  expect(await stage.operations()).toMatchObject([
    { state, ...(http_status === undefined ? {} : { http_status }) },
  ]);
  expect(crewInFlex(stage, call)).toEqual(landed ? [ben.resource] : []);

  await drainToTheEnd(stage, drainer);
  const [line] = stage.flex.contactLinesOf(call.element);
  expect(crewInFlex(stage, call)).toEqual(state === "failed" ? [] : [ben.resource]);
  expect(await stage.recorded(call)).toEqual(line ? { [ben.id]: line.id } : {});
  expect((await stage.conditionOf(call)).condition).toBe(state === "failed" ? "failed" : "synced");
  expect(stage.flex.calls.filter(({ route }) => route === "add")).toHaveLength(sends);
}

describe("an add that Flex did although it did not say so is found, and not sent again", () => {
  test.each(UNKNOWN_AND_LANDED)("after $seen", addBen);
});

describe("an add that nobody knows of is sent again only when it is proved absent", () => {
  test.each(UNKNOWN_AND_LOST)("after $seen", addBen);
});

describe("an add that Flex did not execute", () => {
  test.each(NOT_EXECUTED)("after $seen", addBen);
});

test("only the person concerned waits; everyone else in the crew call goes on", async () => {
  const stage = await setStage();
  const drainer = stage.drainer();
  const call = await stage.makeCrewCall([ana, ben, cleo]);
  const fault = { kind: "accepted", when: "before" } as const;
  stage.flex.fault({ route: "add", resource: ben.resource as string, do: fault });
  await stage.syncAndDrain(call, drainer);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, cleo.resource]);
  expect(await stage.conditionOf(call)).toMatchObject({ condition: "unknown" });
  await drainToTheEnd(stage, drainer);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource, cleo.resource]);
});

test("a connection that is refused is not sent: tried again, no attempt used up", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana]);
  const drainer = stage.drainer();
  await stage.sync(call);
  await drainer.step();
  await drainer.settled(); // the reading
  const closed = stage.drainer({ baseUrl: `http://127.0.0.1:${await closedPort()}/f5/api` });
  await closed.step();
  await closed.settled();
  expect(await stage.operations()).toMatchObject([{ state: "pending", attempts: 0, http_status: null }]);
  await drainToTheEnd(stage, drainer);
  expect(crewInFlex(stage, call)).toEqual([ana.resource]);
  expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
});

test("401 for one element blocks that one; the others go on", async () => {
  const stage = await setStage();
  const drainer = stage.drainer();
  const [closed, open] = [await stage.makeCrewCall([ana]), await stage.makeCrewCall([ben])];
  stage.flex.setAccessible(closed.element, false);
  await stage.sync(closed);
  await stage.syncAndDrain(open, drainer);
  expect(await stage.conditionOf(closed)).toEqual({ condition: "blocked", reason: "access_denied" });
  expect(await stage.conditionOf(open)).toMatchObject({ condition: "synced" });

  stage.flex.setAccessible(closed.element, true);
  await stage.syncAndDrain(closed, drainer);
  expect(await stage.conditionOf(closed)).toMatchObject({ condition: "synced" });
});

test("a refused token stops everything, and a token that works again starts it by itself", async () => {
  const stage = await setStage();
  const drainer = stage.drainer();
  const calls = [await stage.makeCrewCall([ana]), await stage.makeCrewCall([ben])];
  stage.flex.revokeToken();
  for (const call of calls) await stage.sync(call);
  await drainUntilRest(drainer);
  for (const call of calls) {
    expect(await stage.conditionOf(call)).toEqual({ condition: "blocked", reason: "token_refused" });
  }
  const asked = stage.flex.calls.length;
  await drainUntilRest(drainer);
  expect(stage.flex.calls).toHaveLength(asked);

  stage.flex.restoreToken();
  await drainToTheEnd(stage, drainer);
  for (const call of calls) expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
  expect(calls.map((call) => crewInFlex(stage, call))).toEqual([[ana.resource], [ben.resource]]);
});

test("5xx over two elements opens the breaker; one probe at a time closes it", async () => {
  const stage = await setStage();
  const drainer = stage.drainer();
  const calls = [await stage.makeCrewCall([ana]), await stage.makeCrewCall([ben])];
  const down = stage.flex.fault({ route: "any", forever: true, do: { kind: "gateway", status: 503 } });
  for (const call of calls) await stage.sync(call);
  for (let tries = 0; tries < 20 && !(await breakerIsOpen()); tries += 1) {
    await moveToNextWork(stage);
    await drainUntilRest(drainer);
  }
  for (const call of calls) {
    expect(await stage.conditionOf(call)).toEqual({ condition: "pending", reason: "flex_down" });
  }
  stage.flex.clearCalls();
  await drainUntilRest(drainer);
  expect(stage.flex.calls).toEqual([]);

  down.remove();
  await drainToTheEnd(stage, drainer);
  expect(stage.flex.calls.filter(({ route }) => route === "user")).toHaveLength(1);
  for (const call of calls) expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });

  async function breakerIsOpen(): Promise<boolean> {
    const [tenant] = await stage.sql`select breaker_reason from flex_sync.tenant`;
    return tenant?.breaker_reason === "flex_down";
  }
});

test("5xx on one element holds up that one only", async () => {
  const stage = await setStage();
  const drainer = stage.drainer();
  const [bad, good] = [await stage.makeCrewCall([ana]), await stage.makeCrewCall([ben, cleo])];
  stage.flex.fault({ route: "any", element: bad.element, times: 4, do: { kind: "gateway", status: 502 } });
  await stage.sync(bad);
  await stage.syncAndDrain(good, drainer);
  expect(await stage.conditionOf(good)).toMatchObject({ condition: "synced" });
  await drainToTheEnd(stage, drainer);
  expect(await stage.conditionOf(bad)).toMatchObject({ condition: "synced" });
  expect(crewInFlex(stage, bad)).toEqual([ana.resource]);
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
