import { expect, test } from "vitest";
import { ana, ben } from "../crew-call.ts";
import { read } from "../documents/repository.ts";
import { crewInFlex, drainUntilRest, setStage } from "../drainer/stage.ts";
import { FAULTS, nameOf } from "./fault-situations.ts";
import { follow, letTimePass, look, saysSo } from "./follow.ts";

test.each(FAULTS.map((situation) => [nameOf(situation), situation] as const))(
  "%s",
  async (_name, situation) => {
    const stage = await setStage();
    const drainer = stage.drainer({ timeoutMs: situation.timeoutMs ?? 10_000 });
    const call = await stage.makeCrewCall(situation.desired ?? [ana, ben]);
    await situation.before?.(stage, call, drainer);
    const fault = stage.flex.fault({ times: 1, ...situation.fault });
    await stage.sync(call);
    await drainUntilRest(drainer);
    await situation.after?.(stage, call, drainer);
    expect(fault.struck).toBeGreaterThan(0);

    const nextAction = await saysSo(stage, call, situation);
    await situation.mend?.(stage);
    if (nextAction) await follow(stage, nextAction);
    await letTimePass(stage, drainer, call);
    expect(await look(stage, call)).toEqual({ crewCall: "synced", people: {}, nextAction: null });
    expect(crewInFlex(stage, call)).toEqual(
      (situation.desired ?? [ana, ben]).map((who) => who.resource).sort(),
    );
  },
);

test("every fault of the simulator has its row", () => {
  const faults = read("src/simulator/faults.ts");
  const kinds = [
    ...faults.matchAll(/\{ kind: "([a-z-]+)"/g),
    ...faults.matchAll(/^ {6}kind: "([a-z-]+)"/gm),
  ].map(([, kind]) => kind ?? "");
  const spoiled = [...read("src/simulator/list-transforms.ts").matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(
    ([, name]) => `list ${name}`,
  );
  expect(kinds.length).toBeGreaterThan(15);
  expect(spoiled.length).toBeGreaterThan(7);
  const struck = FAULTS.map(({ fault }) =>
    fault.do.kind === "list" ? `list ${fault.do.transform}` : fault.do.kind,
  );
  expect(
    [...kinds.filter((kind) => kind !== "list"), ...spoiled].filter((name) => !struck.includes(name)),
  ).toEqual([]);
});
