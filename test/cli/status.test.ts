import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, ben, cleo } from "../crew-call.ts";
import { cli } from "./command-line.ts";
import { setStage } from "./stage.ts";

describe("flex-crew-sync status", () => {
  test("shows every crew call, the most urgent first, and what to do next", async () => {
    const { env, sql, makeCall, drainOnce } = await setStage();
    const good = await makeCall({ desired: [ana] });
    const partly = await makeCall({ desired: [{ ...ben, resource: null }] });
    for (const { id } of [good, partly]) await sql`select sync_crew_call(${id})`;
    await drainOnce();
    const blocked = await makeCall({ desired: [cleo] });
    await sql`update flex_crew_calls set flex_element_id = 'no id' where id = ${blocked.id}`;
    const { code, stdout } = await cli(["status", "--json"], env);
    const status = JSON.parse(stdout);
    expect(status.crew_calls).toMatchObject([
      { crew_call_id: blocked.id, condition: "blocked", reason: "malformed_id" },
      { crew_call_id: partly.id, condition: "unmapped" },
      { crew_call_id: good.id, condition: "synced", desired: 1, recorded: 1 },
    ]);
    expect(status.metrics).toMatchObject({ queue_depth: 0, breaker_open: 0 });
    expect(code).toBe(1);
    const words = await cli(["status"], env);
    expect(words.stdout.indexOf(blocked.id)).toBeLessThan(words.stdout.indexOf(good.id));
    expect(words.stdout).toContain("What to do next");
    expect(words.stdout).toContain("breaker closed");
  });

  test("fits a narrow terminal, in colours unless they are not wanted", async () => {
    const { env, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const coloured = await cli(["status"], env, { isTTY: true, columns: 60 });
    expect(coloured.stdout).toContain("\u001b[33mnever_synced");
    const plain = await cli(["status"], { ...env, NO_COLOR: "1" }, { isTTY: true, columns: 40 });
    expect(plain.stdout).not.toContain("\u001b");
    // What to do is there to be copied: a terminal breaks it as it likes.
    const lines = plain.stdout
      .split("\n")
      .filter((line) => !line.startsWith(`${call.id}:`) && !line.startsWith("  "));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(plain.stdout).toContain(`\n${call.id.slice(0, 8)} `);
    expect((await cli(["status"], env)).stdout).toContain(`\n${call.id} `);
  });

  test("shows one crew call person by person", async () => {
    const { env, sql, flex, makeCall, drainOnce } = await setStage();
    flex.addContact(ana.resource as string, "Ana A.");
    const call = await makeCall({ desired: [ana, { ...ben, resource: "BEN" }] });
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    const { code, stdout } = await cli(["status", call.id.toUpperCase(), "--json"], env);
    expect(JSON.parse(stdout)).toMatchObject({
      in_sync: false,
      crew_call: { crew_call_id: call.id, condition: "unmapped" },
      persons: [
        { technician_id: ben.id, condition: "unmapped", reason: "malformed_id" },
        { technician_id: ana.id, condition: "synced" },
      ],
    });
    expect(code).toBe(1);
    expect((await cli(["status", call.id], env)).stdout).toContain(ana.id);
  });

  test("exits 0 when everything is in sync, and 2 for an unknown id", async () => {
    const { env, sql, makeCall, drainOnce } = await setStage();
    expect((await cli(["status"], env)).code).toBe(0);
    const call = await makeCall({ desired: [ana] });
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    expect((await cli(["status"], env)).code).toBe(0);
    const unknown = await cli(["status", randomUUID(), "--json"], env);
    expect(unknown.code).toBe(2);
    expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: "NOCAL" } });
    expect((await cli(["status", "sound"], env)).code).toBe(2);
  });

  test("is enough for the app's own user", async () => {
    const { env, sql, url, name, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const user = `flex_test_app_${name.slice(-12)}`;
    await sql.unsafe(`create role ${user} login password 'app-password' in role flex_sync_app`);
    const its = new URL(url);
    its.username = user;
    its.password = "app-password";
    const app = { ...env, DATABASE_URL: its.href };
    expect((await cli(["status"], app)).code).toBe(1);
    expect(JSON.parse((await cli(["status", call.id, "--json"], app)).stdout)).toMatchObject({
      in_sync: false,
    });
    expect((await cli(["sync", call.id, "--no-wait"], app)).code).toBe(0);
    expect((await cli(["sync", call.id, "--dry-run"], app)).code).toBe(1);
    const audit = await cli(["audit"], app);
    expect(audit.stderr).toContain("(DBPRI)");
    expect(audit.code).toBe(2);
    await sql.unsafe(`drop role ${user}`);
  });

  test("refuses to watch in JSON", async () => {
    const { code, stdout } = await cli(["status", "--watch", "--json"], {});
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE" } });
  });
});
