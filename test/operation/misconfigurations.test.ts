import { expect, test } from "vitest";
import { ana, ben } from "../crew-call.ts";
import { crewInFlex, drainUntilRest, setStage } from "../drainer/stage.ts";
import { follow, letTimePass, look, saysSo } from "./follow.ts";
import { MISCONFIGURATIONS } from "./misconfigurations.ts";

test.each(MISCONFIGURATIONS.map((it) => [`${it.name}: ${it.crewCall}`, it] as const))(
  "%s",
  async (_name, it) => {
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
  },
);
