import { expect } from "vitest";
import { ana, assign, ben, eva } from "../crew-call.ts";
import { crewInFlex, drainUntilRest, moveToNextWork } from "../drainer/stage.ts";
import { moveClock } from "../functions/move-clock.ts";
import { letTimePass, look } from "./follow.ts";
import { play } from "./runbook-page.ts";
import { inSync, resources, synced } from "./synced-stage.ts";

/** What the sections about everything at once need, show and lead to. */
export const FLOW_PLAYS: Record<string, (heading: string) => Promise<void>> = {
  async "Start here"(heading) {
    const { stage, call } = await inSync();
    await stage.sql`update flex_crew_calls set flex_element_id = null`;
    const page = play(heading, stage);
    const [doctor, status, urgent, metrics] = await page.sh();
    expect(doctor?.stdout).toMatch(/^ok +database/m);
    expect(status?.stdout).toContain(call.id);
    expect(status?.code).toBe(1);
    expect(urgent?.stdout).toContain("no_element");
    expect(urgent?.stdout).toContain(`sync_crew_call('${call.id}')`);
    expect(metrics?.stdout).toContain("missing_crew");
    page.finished();
  },

  async "Nothing moves"(heading) {
    const { stage, call } = await inSync();
    await stage.sql`select flex_sync.pause('lunch')`;
    await assign(stage.sql, call, [eva]);
    await stage.sync(call);
    const page = play(heading, stage);
    const shown = await page.sql();
    expect(shown).toContain("lunch");
    expect(shown).toMatch(/pending +\| +2/);
    await page.sql();
    const [drained] = await page.sh();
    expect(drained?.code).toBe(0);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben, eva]));
    page.finished();
  },

  async "The quota is used up"(heading) {
    const { stage, drainer, call } = await inSync();
    await stage.sql`update flex_sync.settings set hourly_limit = 3`;
    await assign(stage.sql, call, [eva]);
    await stage.syncAndDrain(call, drainer);
    expect((await look(stage, call)).crewCall).toBe("pending quota");
    const page = play(heading, stage);
    const shown = await page.sql();
    expect(shown).toMatch(/add +\| +2/);
    expect(shown).toMatch(/\n postgres +\| +2 \|/);
    await page.sql();
    await drainUntilRest(drainer);
    expect(await look(stage, call)).toEqual(synced);
    page.finished();
  },

  async "The token expired"(heading) {
    const { stage, drainer, call } = await inSync();
    stage.flex.revokeToken();
    await assign(stage.sql, call, [eva]);
    await stage.syncAndDrain(call, drainer);
    expect((await look(stage, call)).crewCall).toBe("blocked token_refused");
    const page = play(heading, stage);
    const [doctor] = await page.sh();
    expect(doctor?.code).toBe(1);
    expect(doctor?.stdout).toMatch(/^FAIL +flex/m);
    stage.flex.restoreToken();
    await moveToNextWork(stage);
    await page.sh({ NEW_TOKEN: stage.flex.token });
    expect(await look(stage, call)).toEqual(synced);
    page.finished();
  },

  async "Flex is down"(heading) {
    const { stage, drainer, call } = await inSync();
    const other = await stage.makeCrewCall([]);
    const down = stage.flex.fault({ route: "any", forever: true, do: { kind: "gateway", status: 503 } });
    for (const each of [call, other]) await stage.sync(each);
    for (let times = 0; times < 3; times += 1) {
      await drainUntilRest(drainer);
      await moveToNextWork(stage);
    }
    expect((await look(stage, call)).crewCall).toBe("pending flex_down");
    const page = play(heading, stage);
    expect(await page.sql()).toContain("flex_down");
    down.remove();
    await letTimePass(stage, drainer, call);
    expect(await look(stage, call)).toEqual(synced);
    page.finished();
  },

  async "What to watch"(heading) {
    const { stage } = await inSync();
    await moveClock(stage.sql, "1 s");
    const page = play(heading, stage);
    expect(await page.sql()).toMatch(/sync_failure_rate +\| +0/);
    page.finished();
  },
};
