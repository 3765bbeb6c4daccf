import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  createHandler,
  type HandlerOptions,
} from "../../examples/supabase-edge/sync-flex-crew-for-job/handler.ts";
import { askWhoMay } from "../../examples/supabase-edge/sync-flex-crew-for-job/who-may.ts";
import { drainOnce } from "../../src/index.ts";
import { type Stage, setStage } from "../cli/stage.ts";
import { ana, assign, ben, cleo, dan, makeCrewCall, type Person, person, unassign } from "../crew-call.ts";
import { needsPackages } from "../needs.ts";
import { type Installation, installPackage } from "../package/install-package.ts";
import { check, deploy, findDeno, serve } from "./deno.ts";

const MANAGER = "manager@example.org";
const deno = await findDeno();
const onDeno = needsPackages({ deno });

type Summary = Record<string, unknown> & { note?: string; errors?: string[] };
type Answer = {
  status: number;
  body: { ok: boolean; error?: string; job_id?: string; summary: Record<string, Summary> };
};

const draining = (stage: Stage) => (signal: AbortSignal) =>
  drainOnce({
    databaseUrl: stage.url,
    flexBaseUrl: stage.flex.baseUrl,
    flexAuthToken: stage.flex.token,
    timeoutMs: 2_000,
    signal,
  });

/** Asks as a button does. */
async function press(stage: Stage, body: unknown, options: Partial<HandlerOptions> = {}): Promise<Answer> {
  const handle = createHandler({
    sql: stage.sql,
    whoMay: async () => MANAGER,
    drain: draining(stage),
    waitMs: 20_000,
    ...options,
  });
  const request = new Request("http://localhost/", { method: "POST", body: JSON.stringify(body) });
  const answer = await handle(request);
  return { status: answer.status, body: (await answer.json()) as Answer["body"] };
}

/** What the two buttons of the old application tell after an answer. */
function told({ body }: Answer, department: string): string {
  if (!body.ok) return `Flex sync failed: ${body.error}`;
  const s = body.summary[department] ?? {};
  if (s.errors?.length) return `Flex sync errors: ${s.errors.join("; ")}`;
  if (s.note) return s.note;
  return `Flex synced: +${s.added ?? 0}  −${s.removed ?? 0}  =${s.kept ?? 0}`;
}

describe("the old interface, on Node", () => {
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
});

/** A stand-in for Supabase Auth: the token is the id of a user. */
async function startAuth(users: Record<string, string>): Promise<string> {
  const auth = createServer((request, response) => {
    const id = request.headers.authorization?.replace("Bearer ", "") ?? "";
    const known = request.url === "/auth/v1/user" && request.headers.apikey === "anon-key" && id in users;
    response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(known ? { id, email: users[id] } : { msg: "invalid" }));
  });
  await new Promise<void>((resolve) => auth.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void auth.close());
  return `http://127.0.0.1:${(auth.address() as AddressInfo).port}`;
}

/** Users with profiles: a manager and a technician. */
async function makeUsers(stage: Stage) {
  const [manager, technician] = [randomUUID(), randomUUID()];
  await stage.sql`alter table profiles add column role text`;
  await stage.sql`insert into profiles (id, role) values (${manager}, 'management'), (${technician}, 'technician')`;
  const supabaseUrl = await startAuth({ [manager]: MANAGER, [technician]: "technician@example.org" });
  return { manager, technician, supabaseUrl };
}

test("only users whose profile has the role may ask", async () => {
  const stage = await setStage();
  const { manager, technician, supabaseUrl } = await makeUsers(stage);
  const whoMay = askWhoMay({
    sql: stage.sql,
    supabaseUrl,
    apiKey: "anon-key",
    roles: ["admin", "management"],
  });
  const ask = (authorization: Record<string, string>) =>
    whoMay(new Request("http://localhost/", { headers: authorization })).catch(({ status }) => status);
  expect(await ask({ authorization: `Bearer ${manager}` })).toBe(MANAGER);
  expect(await ask({ authorization: `Bearer ${technician}` })).toBe(403);
  expect(await ask({ authorization: "Bearer anon-key" })).toBe(401);
  expect(await ask({})).toBe(401);
});

describe("the Edge Function sync-flex-crew-for-job, on Deno", () => {
  let installed: Installation;
  let index: string;
  beforeAll(async () => {
    installed = await installPackage();
    index = deploy(installed, "sync-flex-crew-for-job");
  });
  afterAll(() => installed.remove());

  onDeno("fits the types of the packages", async () => {
    expect(await check(deno as string, index).ended).toMatchObject({ code: 0 });
  });

  onDeno("drains while it waits, and answers the old summary to a manager only", async () => {
    const stage = await setStage();
    const { manager, technician, supabaseUrl } = await makeUsers(stage);
    const call = await stage.makeCall({ desired: [ana, ben] });
    const { url } = await serve(deno as string, index, {
      SUPABASE_DB_URL: stage.url,
      SUPABASE_URL: supabaseUrl,
      SUPABASE_ANON_KEY: "anon-key",
      FLEX_BASE_URL: stage.flex.baseUrl,
      X_AUTH_TOKEN: stage.flex.token,
    });
    const ask = (user: string) =>
      fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${user}`, "content-type": "application/json" },
        body: JSON.stringify({ job_id: call.job, departments: ["sound"] }),
      });
    expect((await ask(technician)).status).toBe(403);
    const answer = await ask(manager);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(await answer.json()).toMatchObject({
      ok: true,
      summary: { sound: { added: 2, removed: 0, kept: 0, desired_count: 2, condition: "synced" } },
    });
    expect(stage.flex.linesOf(call.element)).toHaveLength(2);
  });
});
