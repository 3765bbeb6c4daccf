import postgres from "postgres";
import { describe, expect, inject, test } from "vitest";
import { ana } from "../crew-call.ts";
import { cli, start } from "./command-line.ts";
import { setStage } from "./stage.ts";

describe("flex-crew-sync sync, while it waits", () => {
  test("says that no drainer runs, and stops waiting on Ctrl-C while the sync stays queued", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const waiting = start(["sync", call.id, "--json"], env);
    await waiting.says("No drainer seems to run");
    waiting.kill("SIGINT");
    const { code, stdout } = await waiting.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout).crew_calls).toMatchObject([{ finished: false, condition: "pending" }]);
    expect(await sql`select from flex_sync.outbox where state = 'pending'`).not.toHaveLength(0);
  });

  test("ends when the token is refused, and shows it nowhere", async () => {
    const { env, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const drain = await startDrain({ FLEX_AUTH_TOKEN: "wrong-token-0123456789" });
    const { code, stdout, stderr } = await cli(["sync", call.id, "--json"], env);
    expect(JSON.parse(stdout).crew_calls).toMatchObject([{ condition: "blocked", reason: "token_refused" }]);
    expect(code).toBe(1);
    expect(stderr).toContain("FLEX_AUTH_TOKEN");
    drain.kill("SIGTERM");
    expect((await drain.ended).code).toBe(0);
    expect(drain.stderr).not.toContain("wrong-token-0123456789");
  });

  test("tells that Flex fails, and goes on until it works again", async () => {
    const { env, flex, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana] });
    flex.fault({ route: "any", forever: true, do: { kind: "gateway", status: 503 } });
    await startDrain();
    const waiting = start(["sync", call.id, "--json"], env);
    await waiting.says("(doubtful_reading)");
    flex.clearFaults();
    const { code, stdout } = await waiting.ended;
    expect(JSON.parse(stdout)).toMatchObject({ in_sync: true });
    expect(code).toBe(0);
  });

  test("tells that it waits for quota and until when, and goes on when there is some", async () => {
    const { env, sql, makeCall, startDrain } = await setStage();
    await sql`update flex_sync.settings set hourly_limit = 1`;
    const call = await makeCall({ desired: [ana] });
    await startDrain();
    const waiting = start(["sync", call.id, "--json"], env);
    await waiting.says(/\(quota\).*\d{4}-\d\d-\d\d \d\d:\d\d/);
    await sql`update flex_sync.settings set hourly_limit = null`;
    const { code, stdout } = await waiting.ended;
    expect(JSON.parse(stdout)).toMatchObject({ in_sync: true });
    expect(code).toBe(0);
  });

  test("stops waiting for quota after --timeout, and says that it is not in sync", async () => {
    const { env, sql, makeCall, drainOnce } = await setStage();
    await sql`update flex_sync.settings set hourly_limit = 1`;
    const call = await makeCall({ desired: [ana] });
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    const { code, stdout } = await cli(["sync", call.id, "--json", "--timeout", "0.1"], env);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).crew_calls).toMatchObject([
      { finished: false, condition: "pending", reason: "quota" },
    ]);
  });

  test("goes on when the database goes away and comes back", async () => {
    const { env, name, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const waiting = start(["sync", call.id, "--json"], env);
    await waiting.says("waiting for sound");
    const admin = postgres(inject("postgres").url, { max: 1, onnotice: () => {} });
    await admin.unsafe(`alter database ${name} allow_connections false`);
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
    await waiting.says("the database does not answer");
    await admin.unsafe(`alter database ${name} allow_connections true`);
    await admin.end();
    await startDrain();
    const { code, stdout } = await waiting.ended;
    expect(JSON.parse(stdout)).toMatchObject({ in_sync: true });
    expect(code).toBe(0);
  });
});
