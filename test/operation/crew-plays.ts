import { expect } from "vitest";
import { ana, assign, ben, eva, unassign } from "../crew-call.ts";
import { crewInFlex, drainToTheEnd, drainUntilRest } from "../drainer/stage.ts";
import { look } from "./follow.ts";
import { play } from "./runbook-page.ts";
import { held, inSync, resources, strangers, synced } from "./synced-stage.ts";

/** What the sections about a crew call's people need, show and lead to. */
export const CREW_PLAYS: Record<string, (heading: string) => Promise<void>> = {
  async "Somebody is missing"(heading) {
    const { stage, drainer, call } = await inSync();
    await assign(stage.sql, call, [{ ...eva, resource: null }]);
    await stage.syncAndDrain(call, drainer);
    const names = { CREW_CALL_ID: call.id, TECHNICIAN_ID: eva.id, CONTACT_ID: eva.resource ?? "" };
    const page = play(heading, stage);
    const shown = await page.sql(names);
    expect(shown).toContain("no_resource");
    expect(shown).toContain(`unmapped  ${eva.id}`);
    expect(shown).toMatch(/plan +\| unmapped/);
    const refused = stage.flex.fault({ route: "add", do: { kind: "answer", when: "before", status: 422 } });
    await page.sql(names);
    await drainUntilRest(drainer);
    expect(refused.struck).toBe(1);
    expect((await look(stage, call)).people).toEqual({ [eva.id]: "failed refused" });
    await page.sql(names);
    await drainUntilRest(drainer);
    expect(await look(stage, call)).toEqual(synced);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben, eva]));
    await page.sql();
    await unassign(stage.sql, call, [eva]);
    await drainToTheEnd(stage, drainer);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben]));
    page.finished();
  },

  async "Somebody is twice"(heading) {
    const { stage, drainer, call } = await inSync();
    const line = stage.flex.humanAdds(call.element, ana.resource ?? "");
    await stage.syncAndDrain(call, drainer);
    expect((await look(stage, call)).people).toEqual({ [ana.id]: "held surplus_not_ours" });
    const page = play(heading, stage);
    expect(await page.sql()).toContain("(0 rows)");
    const [status] = await stage.sql`select plan from flex_sync.crew_call_status`;
    expect(await page.sql({ CREW_CALL_ID: call.id, "'PLAN'": `'${status?.plan}'` })).toContain(line);
    await drainUntilRest(drainer);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben]));
    page.finished();
  },

  async "A wrong crew call was linked"(heading) {
    const { stage, drainer, call } = await inSync();
    const right = await stage.makeCrewCall([]);
    await stage.sql`delete from flex_crew_calls where id = ${right.id}`;
    stage.flex.humanAdds(call.element, eva.resource ?? "");
    const page = play(heading, stage);
    await page.sql({ CREW_CALL_ID: call.id, ELEMENT_ID: right.element });
    await drainToTheEnd(stage, drainer);
    expect(crewInFlex(stage, right)).toEqual(resources([ana, ben]));
    expect(crewInFlex(stage, call)).toEqual(resources([eva]));
    page.finished();
  },

  async "Something is held"(heading) {
    const { stage, drainer, call, plan } = await held();
    const names = { CREW_CALL_ID: call.id, "'PLAN'": `'${plan}'` };
    const page = play(heading, stage);
    const shown = await page.sql(names);
    expect(shown).toContain("many_foreign");
    expect(shown).toContain(plan);
    await page.sql(names);
    // The opposite overrules it, while the lines are there.
    await page.sql(names);
    await drainUntilRest(drainer);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben, ...strangers]));
    expect((await look(stage, call)).crewCall).toBe("synced");
    page.finished();
  },

  async "Too much would be deleted"(heading) {
    const { stage, drainer, call } = await inSync();
    await assign(stage.sql, call, strangers);
    await stage.syncAndDrain(call, drainer);
    await unassign(stage.sql, call, [ana, ben, ...strangers]);
    await stage.syncAndDrain(call, drainer);
    expect((await look(stage, call)).crewCall).toMatch(/^held /);
    const page = play(heading, stage);
    await page.sql();
    const [dryRun] = await page.sh({ CREW_CALL_ID: call.id });
    expect(dryRun?.stdout).toContain("hold");
    expect(await page.sql({ CREW_CALL_ID: call.id })).toMatch(/plan +\| hold/);
    await page.sql({ CREW_CALL_ID: call.id });
    await drainToTheEnd(stage, drainer);
    expect(crewInFlex(stage, call)).toEqual([]);
    await page.sql();
    expect((await stage.sql`select policy from flex_sync.settings`)[0]?.policy).toBe("mirror");
    page.finished();
  },
};
