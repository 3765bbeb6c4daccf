import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, vi } from "vitest";
import type { FaultAction } from "../../src/simulator/faults.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { setStage } from "../cli/stage.ts";
import { ana, ben } from "../crew-call.ts";
import { ROOT } from "../documents/repository.ts";
import { callerFor, ELEMENT, RESOURCE } from "../flex-caller/local-servers.ts";
import { needsPackages } from "../needs.ts";
import { type Installation, installPackage } from "../package/install-package.ts";
import { findDeno, flags, serve } from "./deno.ts";
import { startProgram } from "./run-program.ts";

const deno = await findDeno();
const onDeno = needsPackages({ deno });
let installed: Installation;
let script: string;
beforeAll(async () => {
  installed = await installPackage();
  script = join(installed.folder, "caller-on-deno.js");
  cpSync(join(ROOT, "test/examples/caller-on-deno.js"), script);
});
afterAll(() => installed.remove());

onDeno("the command line installs on Deno, and its daemon drains and ends with 0", async () => {
  const stage = await setStage({ template: "empty" });
  const env = { ...process.env, ...stage.env, NO_COLOR: "1" };
  const command = (name: string) => ["run", ...flags, "--allow-all", installed.bin, name];
  expect(await startProgram(deno as string, command("migrate"), env).ended).toMatchObject({ code: 0 });
  const drainer = startProgram(deno as string, command("drain"), env);
  await drainer.says(/"ready"/);
  const call = await stage.makeCall({ desired: [ana, ben] });
  await stage.sql`select sync_crew_call(${call.id})`;
  const condition = async () =>
    (await stage.sql`select condition from flex_sync.crew_call_status`)[0]?.condition;
  await vi.waitUntil(async () => (await condition()) === "synced", { timeout: 30_000 });
  expect(stage.flex.linesOf(call.element)).toHaveLength(2);
  expect(await drainer.stop()).toBe(0);
});

/** What an add meets, and what everybody has to call it: only `not_sent`, a refusal and a done add are certain. */
const MET: [FaultAction | "nothing" | "nobody", string][] = [
  ["nothing", "done"],
  ["nobody", "not_sent"],
  [{ kind: "reset", when: "before" }, "unknown"],
  [{ kind: "reset", when: "after" }, "unknown"],
  [{ kind: "hang", when: "after" }, "unknown"],
  [{ kind: "hang-body", when: "after" }, "unknown"],
  [{ kind: "truncate", when: "after" }, "unknown"],
  [{ kind: "gateway", status: 504 }, "unknown"],
  [{ kind: "redirect" }, "unknown"],
  [{ kind: "answer", status: 500 }, "unknown"],
  [{ kind: "answer", status: 400, when: "before" }, "refused"],
  [{ kind: "rate-limited", retryAfter: "7" }, "rate_limited"],
  [{ kind: "unauthorized" }, "unauthorized"],
];

onDeno("an attempt is judged on Deno as on Node, whatever it meets", async () => {
  const { url } = await serve(deno as string, script, {});
  const flex = await startSimulator();
  onTestFinished(() => flex.stop());
  flex.addElement(ELEMENT);
  for (const [met, expected] of MET) {
    const baseUrl = met === "nobody" ? "http://127.0.0.1:1/f5/api" : flex.baseUrl;
    const strike = () => typeof met === "object" && flex.fault({ route: "add", do: met });
    const question = { baseUrl, element: ELEMENT, resource: RESOURCE, token: flex.token };
    strike();
    const asked = await fetch(url, { method: "POST", body: JSON.stringify(question) });
    const outcome = (await asked.json()) as { add: string; status: number | null };
    strike();
    const caller = callerFor(baseUrl, { token: flex.token, timeoutMs: 1_000 });
    const onNode = await caller.addResource(ELEMENT, RESOURCE);
    const what = JSON.stringify(met);
    expect([what, onNode.class, onNode.status]).toEqual([what, expected, outcome.status]);
    const sent = met === "nobody" ? 0 : 1;
    expect([what, outcome]).toEqual([
      what,
      { add: expected, status: onNode.status, started: sent, read: sent ? "done" : "not_sent" },
    ]);
  }
  // Each request was sent once, by either.
  expect(flex.calls.filter(({ route }) => route === "add")).toHaveLength(2 * (MET.length - 1));
});

onDeno("nothing is sent on Deno when the lease is over right before the first byte", async () => {
  const { url } = await serve(deno as string, script, { MAY_START: "no" });
  const flex = await startSimulator();
  onTestFinished(() => flex.stop());
  flex.addElement(ELEMENT);
  const question = { baseUrl: flex.baseUrl, element: ELEMENT, resource: RESOURCE, token: flex.token };
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(question) });
  expect(await answer.json()).toMatchObject({ add: "not_sent", started: 1 });
  expect(flex.calls.filter(({ route }) => route === "add")).toEqual([]);
});
