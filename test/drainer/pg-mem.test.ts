import { setTimeout } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { Clocks } from "../../src/drainer/claim-clock.ts";
import { createDrainer, type Drainer } from "../../src/drainer/drainer.ts";
import { silentLog } from "../../src/drainer/log.ts";
import { type ClaimedOperation, createQueue } from "../../src/drainer/queue.ts";
import { createWakeUp } from "../../src/drainer/wake-up.ts";
import type { FlexCaller, FlexHooks } from "../../src/flex-caller.ts";
import { claimed, type Functions, hangs, type StandIn, standIn } from "./stand-in.ts";

const LINE = "83dd63c0-8492-11ee-9ae0-e2999141f70a";
const ROLE = "2916b300-c515-11ea-a087-2a0a4490a7fb";

type Setup = {
  operations: ClaimedOperation[];
  functions?: Functions;
  /** Answers of Flex by the caller's function; the hooks are asked first. */
  flex?: Partial<Record<keyof FlexCaller, () => unknown>>;
  clocks?: Clocks;
  /** Between claim and first byte. */
  beforeSend?: () => void;
};

type Staged = { drainer: Drainer; database: StandIn; sent: string[]; records(columns?: number): unknown[][] };

const DONE: NonNullable<Setup["flex"]> = {
  readLines: () => ({ class: "done", status: 200, value: [] }),
  addResource: () => ({ class: "done", status: 200, value: { lineItemId: LINE, alsoAdded: [] } }),
  setBusinessRole: () => ({ class: "done", status: 200, value: null }),
  removeLine: () => ({ class: "done", status: 204, value: null }),
};

function stage({ operations, functions, flex, clocks, beforeSend }: Setup): Staged {
  let unclaimed = operations;
  const database = standIn({
    claim_operations() {
      const now = unclaimed;
      unclaimed = [];
      return now;
    },
    tick: () => 0,
    claim_probe: () => null,
    record_add: () => "recorded",
    record_set_role: () => "recorded",
    record_remove: () => "recorded",
    record_observation: () => "recorded",
    record_failure: () => "recorded",
    ...functions,
  });
  const sent: string[] = [];
  const answers = { ...DONE, ...flex };
  const caller = new Proxy({} as FlexCaller, {
    get:
      (_, name: keyof FlexCaller) =>
      async (...values: (string | FlexHooks)[]) => {
        const hooks = values.find((value) => typeof value === "object");
        beforeSend?.();
        if (hooks?.beforeFirstByte?.() === false) {
          return { class: "not_sent", status: null, error: "the lease was over before the first byte" };
        }
        sent.push(name);
        return answers[name]?.();
      },
  });
  const queue = createQueue(database.query, "test", 1_000);
  const parts = { queue, caller, wakeUp: createWakeUp(), log: silentLog, timeoutMs: 1_000 };
  const drainer = createDrainer({ ...parts, patienceMs: 100, ...(clocks ? { clocks } : {}) });
  const records = (columns = 9) =>
    database.called
      .filter(({ name }) => name.startsWith("record_"))
      .map(({ name, values }) => [name, ...values].slice(0, columns));
  return { drainer, database, sent, records };
}

async function perform(setup: Setup): Promise<Staged> {
  const staged = stage(setup);
  await staged.drainer.step();
  await staged.drainer.settled();
  return staged;
}

const { token } = claimed({ id: "1" });

describe("performs and records", () => {
  test("a reading", async () => {
    const { sent, records } = await perform({ operations: [claimed({ id: "1", kind: "observe" })] });
    expect(sent).toEqual(["readLines"]);
    expect(records()).toEqual([["record_observation", "1", token, "[]", null, "200"]]);
  });

  test("an add", async () => {
    const { sent, records } = await perform({ operations: [claimed({ id: "2" })] });
    expect(sent).toEqual(["addResource"]);
    expect(records()).toEqual([["record_add", "2", token, LINE, "[]", "200"]]);
  });

  test("a role", async () => {
    const operation = claimed({ id: "3", kind: "set_role", flex_line_item_id: LINE, flex_role_id: ROLE });
    const { sent, records } = await perform({ operations: [operation] });
    expect(sent).toEqual(["setBusinessRole"]);
    expect(records()).toEqual([["record_set_role", "3", token, "200"]]);
  });

  test("a removal", async () => {
    const operation = claimed({ id: "4", kind: "remove", flex_line_item_id: LINE });
    const { sent, records } = await perform({ operations: [operation] });
    expect(sent).toEqual(["removeLine"]);
    expect(records()).toEqual([["record_remove", "4", token, "204"]]);
  });

  test("a failure, by its class", async () => {
    const { records } = await perform({
      operations: [claimed({ id: "5" })],
      flex: {
        addResource: () => ({ class: "rate_limited", status: 429, retryAfterMs: 1500, error: "slow down" }),
      },
    });
    expect(records()).toEqual([
      ["record_failure", "5", token, "rate_limited", "429", "slow down", "1500 milliseconds"],
    ]);
  });

  test("whether a 401 is about the token or about the element", async () => {
    const unauthorized = { class: "unauthorized", status: 401, error: "no" };
    const functions = { claim_call: () => "9", close_call: () => null };
    const flex = { addResource: () => unauthorized, currentUser: () => ({ class: "done", status: 200 }) };
    const denied = await perform({ operations: [claimed({ id: "6" })], functions, flex });
    expect(denied.records(5)).toEqual([["record_failure", "6", token, "denied", "401"]]);
    const refused = await perform({
      operations: [claimed({ id: "7" })],
      functions,
      flex: { ...flex, currentUser: () => unauthorized },
    });
    expect(refused.records(5)).toEqual([["record_failure", "7", token, "token_refused", "401"]]);
  });
});

describe("writes that end together", () => {
  const operations = [claimed({ id: "1" }), claimed({ id: "2" }), claimed({ id: "3" })];
  const written = (id: string) => ({ id, token, line: LINE, status: 200 });

  /** The first is answered at once, the others a moment later. */
  const firstBeforeOthers = () => {
    let asked = 0;
    return async () => {
      asked += 1;
      if (asked > 1) await setTimeout(5);
      return DONE.addResource?.();
    };
  };

  test("are recorded together", async () => {
    const record_done = (done: unknown) => JSON.parse(String(done)) as object[];
    const { records } = await perform({ operations, functions: { record_done } });
    expect(records(2)).toEqual([["record_done", JSON.stringify(["1", "2", "3"].map(written))]]);
  });

  test("while one cannot be recorded do not wait for it", async () => {
    const { records, drainer } = stage({
      operations,
      functions: { record_add: hangs, record_done: () => operations },
      flex: { addResource: firstBeforeOthers() },
    });
    await drainer.step();
    await vi.waitUntil(() => drainer.inFlight() === 1);
    expect(records(2)).toEqual([["record_done", JSON.stringify(["2", "3"].map(written))]]);
  });

  test("are recorded alone where that leaves them, and all of them where it fails", async () => {
    const left = await perform({ operations, functions: { record_done: () => [{ id: "2" }] } });
    expect(left.records(2).slice(1)).toEqual(["1", "3"].map((id) => ["record_add", id]));
    const failed = await perform({
      operations,
      functions: {
        record_done() {
          throw Object.assign(new Error("refused"), { code: "P0001", severity: "ERROR" });
        },
      },
    });
    expect(failed.records(2).slice(1)).toEqual(["1", "2", "3"].map((id) => ["record_add", id]));
  });
});

describe("recording", () => {
  const answered = (code: string) => Object.assign(new Error(code), { code, severity: "ERROR" });
  const failing = (times: number, error: () => Error) => {
    let left = times;
    return () => {
      left -= 1;
      if (left >= 0) throw error();
      return "recorded";
    };
  };

  test("goes on until a database that went away is there again", async () => {
    const gone = () => Object.assign(new Error("gone"), { code: "ECONNREFUSED" });
    const { sent, records } = await perform({
      operations: [claimed({ id: "1" })],
      functions: { record_add: failing(3, gone) },
    });
    expect(sent).toEqual(["addResource"]);
    expect(records()).toHaveLength(4);
  });

  test("goes on past a deadlock and a shutdown", async () => {
    const codes = ["40P01", "57P01", "55P03"];
    const { records } = await perform({
      operations: [claimed({ id: "1" })],
      functions: { record_add: failing(3, () => answered(codes.shift() as string)) },
    });
    expect(records()).toHaveLength(4);
  });

  test("ends after five refusals: the claim runs out, and a reading decides", async () => {
    const { records } = await perform({
      operations: [claimed({ id: "1" })],
      functions: { record_add: failing(100, () => answered("42501")) },
    });
    expect(records()).toHaveLength(5);
  });

  test("ends soon after stop", async () => {
    const { drainer } = stage({
      operations: [claimed({ id: "1" })],
      functions: { record_add: failing(1_000_000, () => new Error("gone")) },
    });
    await drainer.step();
    drainer.stop();
    await drainer.settled();
    expect(drainer.inFlight()).toBe(0);
  });

  test("is not waited for without end, although the database never answers", async () => {
    const { drainer } = stage({ operations: [claimed({ id: "1" })], functions: { record_add: hangs } });
    await drainer.step();
    drainer.stop();
    await drainer.settled(50);
    expect(drainer.inFlight()).toBe(1);
  });
});

describe("sends nothing", () => {
  const movable = () => {
    const moved = { monotonic: 0, wall: 0 };
    const clocks: Clocks = {
      monotonic: () => performance.now() + moved.monotonic,
      wall: () => Date.now() + moved.wall,
    };
    return { moved, clocks };
  };

  test("after stop, and hands it back", async () => {
    const staged: Staged = stage({
      operations: [claimed({ id: "1" })],
      beforeSend: () => staged.drainer.stop(),
    });
    await staged.drainer.step();
    await staged.drainer.settled();
    expect(staged.sent).toEqual([]);
    expect(staged.records(4)).toEqual([["record_failure", "1", token, "lease_over"]]);
  });

  test.each(["monotonic", "wall"] as const)("after the lease by the %s clock", async (clock) => {
    const { moved, clocks } = movable();
    const { sent, records } = await perform({
      operations: [claimed({ id: "1", lease_ms: 3_000 })],
      clocks,
      beforeSend: () => {
        moved[clock] += 60_000;
      },
    });
    expect(sent).toEqual([]);
    expect(records(4)).toEqual([["record_failure", "1", token, "lease_over"]]);
  });

  test("late by what the claim itself took", async () => {
    const { moved, clocks } = movable();
    const { sent } = await perform({
      operations: [],
      clocks,
      functions: {
        claim_operations() {
          moved.monotonic += 1_500;
          return [claimed({ id: "1" })];
        },
      },
    });
    expect(sent).toEqual([]);
  });

  test("but a clock that is set back holds up nothing", async () => {
    const { moved, clocks } = movable();
    const { sent } = await perform({
      operations: [claimed({ id: "1" })],
      clocks,
      beforeSend: () => {
        moved.wall -= 3_600_000;
      },
    });
    expect(sent).toEqual(["addResource"]);
  });

  test("to a Flex that cannot be reached: that is its failure, however long it took to notice", async () => {
    const { moved, clocks } = movable();
    const { records } = await perform({
      operations: [claimed({ id: "1" })],
      clocks,
      flex: {
        addResource() {
          moved.monotonic += 1_001;
          return { class: "not_sent", status: null, error: "no answer within 1000 ms" };
        },
      },
    });
    expect(records(4)).toEqual([["record_failure", "1", token, "not_sent"]]);
  });
});
