import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createHandler } from "../../examples/supabase-edge/sync-flex-crew-for-job/handler.ts";
import { setStage } from "../cli/stage.ts";
import { ana, assign, ben, cleo, dan, makeCrewCall, type Person, person, unassign } from "../crew-call.ts";
import { press, told } from "./press.ts";
import { MANAGER } from "./supabase-users.ts";

test("answers the old summary of what was added, removed and kept", async () => {
  const stage = await setStage();
  await stage.sql`insert into flex_sync.business_roles values ('sound', 'R', ${randomUUID()})`;
  const call = await stage.makeCall({ desired: [ana, { ...ben, role: "SND-FOH-R" }] });
  await press(stage, { job_id: call.job });
  await unassign(stage.sql, call, [ana]);
  await assign(stage.sql, call, [{ ...cleo, role: "SND-MON-R" }]);
  const answer = await press(stage, { job_id: call.job, departments: ["Sound "] });
  expect(answer).toEqual({
    status: 200,
    body: {
      ok: true,
      job_id: call.job,
      summary: {
        sound: {
          added: 1,
          removed: 1,
          kept: 1,
          rolesSet: 1,
          failedAdds: 0,
          desired_count: 2,
          current_count: 2,
          scanned_items: 2,
          planned_delete_count: 1,
          condition: "synced",
          reason: null,
          next_action: null,
        },
      },
    },
  });
  expect(told(answer, "sound")).toBe("Flex synced: +1  −1  =1");
  const requests = await stage.sql`select distinct requested_by from flex_sync.syncs`;
  expect(requests).toEqual([{ requested_by: MANAGER }]);
});

test("counts somebody whose line was deleted in Flex as added, not as current", async () => {
  const stage = await setStage();
  const call = await stage.makeCall({ desired: [ana, ben], recorded: [ana, ben], inFlex: [] });
  await stage.sql`update flex_sync.settings set confirm_after = '0.1 s'`;
  const { body } = await press(stage, { job_id: call.job });
  expect(body.summary.sound).toMatchObject({ added: 2, kept: 0, current_count: 0, condition: "synced" });
});

test("tells every department of the old function, with a note where there is no crew call", async () => {
  const stage = await setStage();
  const call = await stage.makeCall({ department: "lights", desired: [ana] });
  const answer = await press(stage, { job_id: call.job });
  expect(Object.keys(answer.body.summary).sort()).toEqual(["lights", "sound", "video"]);
  expect(told(answer, "lights")).toBe("Flex synced: +1  −0  =0");
  expect(told(answer, "sound")).toBe("no crew call mapping");
});

test("counts whom Flex refuses among the failed, by name", async () => {
  const stage = await setStage();
  const call = await stage.makeCall({ desired: [ana, ben] });
  stage.flex.fault({ route: "add", forever: true, do: { kind: "answer", status: 400, when: "before" } });
  const answer = await press(stage, { job_id: call.job });
  const { sound } = answer.body.summary;
  expect(sound).toMatchObject({ added: 0, failedAdds: 2, condition: "failed" });
  expect(sound?.errors).toHaveLength(2);
  expect(told(answer, "sound")).toContain(`Add failed for tech ${ana.id}`);
});

test("tells a role that Flex refuses among the diagnostics of roles, as before", async () => {
  const stage = await setStage();
  await stage.sql`insert into flex_sync.business_roles values ('sound', 'R', ${randomUUID()})`;
  const call = await stage.makeCall({ desired: [{ ...ana, role: "SND-FOH-R" }] });
  stage.flex.fault({ route: "role", forever: true, do: { kind: "answer", status: 400, when: "before" } });
  const { body } = await press(stage, { job_id: call.job });
  expect(body.summary.sound).toMatchObject({ added: 1, rolesSet: 0, condition: "failed" });
  expect(body.summary.sound?.business_role_diagnostics).toHaveLength(1);
  expect(body.summary.sound).not.toHaveProperty("errors");
});

test("answers what is known when time is up, and says that it goes on", async () => {
  const stage = await setStage();
  const call = await stage.makeCall({ desired: [ana] });
  const nobodyDrains = async () => {};
  const answer = await press(stage, { job_id: call.job }, { drain: nobodyDrains, waitMs: 300 });
  expect(answer.body.summary.sound).toMatchObject({ added: 0, condition: "pending", desired_count: 1 });
  expect(told(answer, "sound")).toMatch(/^\+0 −0 =0, still working/);
});

test("says who waits for a yes, and who has no Flex contact", async () => {
  const stage = await setStage();
  const people = Array.from({ length: 8 }, (_, n) => person(20 + n));
  const held = await stage.makeCall({ desired: [ana, ...people] });
  await press(stage, { job_id: held.job });
  await unassign(stage.sql, held, people);
  const nobody: Person = { ...dan, resource: null };
  const unmapped = await stage.makeCall({ department: "lights", desired: [nobody, ana] });
  const heldAnswer = await press(stage, { job_id: held.job, departments: ["sound"] });
  expect(heldAnswer.body.summary.sound).toMatchObject({
    condition: "held",
    removed: 0,
    kept: 1,
    planned_delete_count: 8,
  });
  expect(told(heldAnswer, "sound")).toContain("8 to be removed wait for somebody's yes");
  const { body } = await press(stage, { job_id: unmapped.job, departments: ["lights"] });
  expect(body.summary.lights).toMatchObject({ condition: "unmapped", added: 1, desired_count: 1 });
  expect(body.summary.lights?.note).toContain("1 without a usable Flex contact id");
});

test("tells of the element that the crew call points at now", async () => {
  const stage = await setStage();
  const call = await stage.makeCall({ desired: [ana] });
  await press(stage, { job_id: call.job });
  stage.flex.addElement(call.job);
  stage.flex.fault({ route: "remove", forever: true, do: { kind: "answer", status: 400, when: "before" } });
  await stage.sql`update flex_crew_calls set flex_element_id = ${call.job} where id = ${call.id}`;
  await press(stage, { job_id: call.job });
  await stage.drainOnce();
  // The old element's line, which Flex does not let go, has a row of its own under the same crew call.
  const rows =
    await stage.sql`select condition from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
  expect(rows.map(({ condition }) => condition).sort()).toEqual(["failed", "synced"]);
  const { body } = await press(stage, { job_id: call.job });
  expect(body.summary.sound).toMatchObject({ kept: 1, desired_count: 1, condition: "synced" });
});

test("tells a blocked crew call as an error", async () => {
  const stage = await setStage();
  const { job } = await makeCrewCall(stage.sql, { desired: [ana], element: "not an id" });
  expect(told(await press(stage, { job_id: job }), "sound")).toContain("blocked, malformed_id");
});

test("refuses what the old function refused, in the same shape", async () => {
  const stage = await setStage();
  const handle = createHandler({ sql: stage.sql, whoMay: async () => MANAGER, waitMs: 1_000 });
  expect(await press(stage, {})).toEqual({ status: 400, body: { ok: false, error: "Missing job_id" } });
  expect(await press(stage, { job_id: randomUUID() })).toMatchObject({ status: 400, body: { ok: false } });
  expect(await press(stage, { job_id: "1" })).toMatchObject({ status: 400, body: { ok: false } });
  const preflight = await handle(new Request("http://localhost/", { method: "OPTIONS" }));
  expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  expect((await handle(new Request("http://localhost/"))).status).toBe(405);
});

test("hands the host's own no through", async () => {
  const stage = await setStage();
  const call = await stage.makeCall({ desired: [ana] });
  await stage.sql`create or replace function flex_sync.may_sync(crew_call_id uuid) returns boolean language sql as 'select false'`;
  expect(await press(stage, { job_id: call.job })).toMatchObject({ status: 403, body: { ok: false } });
});
