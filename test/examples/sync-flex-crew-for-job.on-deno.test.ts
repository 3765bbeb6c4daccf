import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askWhoMay } from "../../examples/supabase-edge/sync-flex-crew-for-job/who-may.ts";
import { setStage } from "../cli/stage.ts";
import { ana, ben } from "../crew-call.ts";
import { needsPackages } from "../needs.ts";
import { type Installation, installPackage } from "../package/install-package.ts";
import { check, deploy, findDeno, serve } from "./deno.ts";
import { MANAGER, makeUsers } from "./supabase-users.ts";

const deno = await findDeno();
const onDeno = needsPackages({ deno });

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
