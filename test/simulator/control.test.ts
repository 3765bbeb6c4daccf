import { expect, it } from "vitest";
import { ANA, BEN, done, ELEMENT, request, startFlex } from "./running-simulator.ts";

it("is driven from another process: elements, edits, faults, settings, state, reset", async () => {
  const { flex, caller } = await startFlex();
  const post = async (path: string, body: unknown = {}) => {
    const answer = await request(flex, "POST", `/__simulator/${path}`, {
      token: null,
      body: JSON.stringify(body),
    });
    return { status: answer.status, json: JSON.parse(answer.text) };
  };

  await post("human", { edit: "addElement", elementId: BEN });
  const added = await post("human", { edit: "humanAdds", elementId: BEN, resourceId: ANA });
  expect(flex.linesOf(BEN)).toMatchObject([{ id: added.json.lineId, resourceId: ANA }]);
  await post("human", { edit: "lockElement", elementId: BEN });
  expect(await caller.addResource(BEN, ANA)).toMatchObject({ status: 423 });

  expect(await post("faults", { route: "list", do: { kind: "answer", status: 500 } })).toEqual({
    status: 200,
    json: { ids: [1] },
  });
  await post("faults", [
    { route: "user", do: { kind: "unauthorized" } },
    { route: "add", do: { kind: "apply-late" } },
  ]);
  expect(await caller.readLines(BEN)).toMatchObject({ status: 500 });
  expect(await caller.currentUser()).toMatchObject({ status: 401 });
  done(await caller.addResource(ELEMENT, ANA));
  expect((await post("apply-late")).json).toEqual({ applied: 1 });
  expect(flex.linesOf(ELEMENT)).toHaveLength(1);

  await post("settings", { profile: "untyped", limits: { hourly: 0 } });
  expect(await caller.currentUser()).toMatchObject({ status: 429 });
  const state = JSON.parse((await request(flex, "GET", "/__simulator/state", { token: null })).text);
  expect(state).toMatchObject({
    settings: { profile: ["untyped"], limits: { hourly: 0, daily: 10_000 } },
    elements: [{ id: ELEMENT }, { id: BEN, locked: true, lines: [{ resourceId: ANA }] }],
    faults: [{ struck: 1 }, { struck: 1 }, { struck: 1 }],
  });
  expect(state.calls).toHaveLength(5);

  await request(flex, "DELETE", "/__simulator/faults");
  expect(flex.state().faults).toEqual([]);
  await post("reset");
  expect(flex.state()).toMatchObject({ elements: [], calls: [] });
});

it.each([
  ["human", { edit: "stop" }],
  ["human", { edit: "constructor" }],
  ["human", { edit: "humanDeletes", lineId: ANA }],
  ["human", { edit: "humanAdds", elementId: ELEMENT, resource: ANA }],
  ["faults", { do: { kind: "hang" } }],
  ["faults", { route: "add" }],
  ["faults", null],
  ["nothing", {}],
])("refuses %s %j with 400 and says why", async (path, body) => {
  const { flex } = await startFlex();
  const answer = await request(flex, "POST", `/__simulator/${path}`, { body: JSON.stringify(body) });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text).error).not.toBe("");
});
