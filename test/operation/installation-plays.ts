import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { ana, assign, ben, eva, person, unassign } from "../crew-call.ts";
import { crewInFlex, drainUntilRest, setStage } from "../drainer/stage.ts";
import { createDatabase } from "../postgres/database.ts";
import { dumpsThisServer, setBack, takeBackup } from "./backup.ts";
import { look } from "./follow.ts";
import { play } from "./runbook-page.ts";
import { inSync, resources, synced } from "./synced-stage.ts";

/** What the sections about an installation need, show and lead to. */
export const INSTALLATION_PLAYS: Record<string, (heading: string) => Promise<void>> = {
  async Deploy(heading) {
    const stage = await setStage();
    const { sql, url } = await createDatabase({ template: "empty" });
    const page = play(heading, { sql, url, flex: stage.flex });
    const [migrated, doctor, drained] = await page.sh();
    expect(migrated?.stdout).toContain("applied");
    expect([migrated?.code, doctor?.code, drained?.code]).toEqual([0, 0, 0]);
    page.finished();
  },

  async Upgrade(heading) {
    const { stage } = await inSync();
    const page = play(heading, stage);
    const [migrated, doctor] = await page.sh();
    expect([migrated?.code, doctor?.code]).toEqual([0, 0]);
    page.finished();
  },

  async "Roll back"(heading) {
    const { stage, call, drainer } = await inSync();
    const recorded = await stage.recorded(call);
    stage.flex.clearCalls();
    const page = play(heading, stage);
    const [, gone, back] = await page.sh();
    expect([gone?.code, back?.code]).toEqual([0, 0]);
    await page.sql();
    await drainUntilRest(drainer);
    expect(await look(stage, call)).toEqual(synced);
    expect(await stage.recorded(call)).toEqual(recorded);
    expect(stage.flex.calls.map(({ method }) => method)).toEqual(["GET"]);
    page.finished();
  },

  async Uninstall(heading) {
    const { stage, call } = await inSync();
    const recorded = await stage.recorded(call);
    const page = play(heading, stage);
    const [listed] = await page.sh();
    expect(listed?.stdout).toContain("flex_sync");
    expect(await stage.sql`select to_regnamespace('flex_sync') as schema`).toEqual([{ schema: null }]);
    expect(await stage.recorded(call)).toEqual(recorded);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben]));
    page.finished();
  },

  async "Back up and restore"(heading) {
    const { stage, drainer, call } = await inSync();
    const page = play(heading, stage);
    const change = async () => {
      await assign(stage.sql, call, [eva]);
      await stage.syncAndDrain(call, drainer);
      expect(crewInFlex(stage, call)).toEqual(resources([ana, ben, eva]));
    };
    if (await dumpsThisServer(stage.sql)) {
      const [dumped, restored] = await page.sh({}, change);
      expect([dumped, restored]).toMatchObject([{ code: 0 }, { code: 0 }]);
    } else {
      page.skip("pg_dump of this server's version");
      const backup = await takeBackup(stage);
      await change();
      await setBack(stage, backup);
    }
    expect(Object.keys(await stage.recorded(call)).sort()).toEqual([ana.id, ben.id]);
    await page.sql();
    const [drained, audit] = await page.sh();
    expect(drained?.code).toBe(0);
    expect(audit?.stdout).toContain(eva.resource);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben, eva]));
    await assign(stage.sql, call, [eva]);
    const line = stage.flex
      .contactLinesOf(call.element)
      .find(({ resourceId }) => resourceId === eva.resource)?.id;
    await page.sql({ CREW_CALL_ID: call.id, LINE_ID: line ?? "" });
    await drainUntilRest(drainer);
    expect(await look(stage, call)).toEqual(synced);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben, eva]));
    expect((await stage.recorded(call))[eva.id]).toBe(line);
    page.finished();
  },

  async "Postgres failed over"(heading) {
    const { stage, drainer, call } = await inSync();
    const backup = await takeBackup(stage);
    await assign(stage.sql, call, [eva]);
    await stage.syncAndDrain(call, drainer);
    await setBack(stage, backup);
    await assign(stage.sql, call, [eva]);
    const page = play(heading, stage);
    await page.sql();
    await drainUntilRest(drainer);
    expect(await look(stage, call)).toEqual(synced);
    expect(crewInFlex(stage, call)).toEqual(resources([ana, ben, eva]));
    page.finished();
  },

  async "Moving to another Flex tenant"(heading) {
    const { stage, call } = await inSync();
    await unassign(stage.sql, call, [ben]);
    const tenant = await startSimulator({ token: "the-new-one" });
    try {
      const element = randomUUID();
      tenant.addElement(element);
      const names = {
        CREW_CALL_ID: call.id,
        TECHNICIAN_ID: ana.id,
        CONTACT_ID: person(31).resource ?? "",
        ELEMENT_ID: element,
        NEW_BASE_URL: tenant.baseUrl,
        NEW_TOKEN: tenant.token,
      };
      const page = play(heading, stage);
      await page.sh();
      await page.sql(names);
      const [migrated, doctor, dryRun] = await page.sh(names);
      expect([migrated?.code, doctor?.code]).toEqual([0, 0]);
      expect(dryRun?.stdout).toContain(person(31).resource);
      expect(crewInFlex(stage, call)).toEqual(resources([ana, ben]));
      page.finished();
    } finally {
      await tenant.stop();
    }
  },
};
