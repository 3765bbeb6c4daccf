import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, ben, cleo, person } from "../crew-call.ts";
import { cli } from "./command-line.ts";
import { setStage } from "./stage.ts";

describe("flex-crew-sync sync", () => {
  test("requests, waits for the daemon and reports", async () => {
    const { env, flex, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana, ben] });
    await startDrain();
    const { code, stdout, stderr } = await cli(["sync", call.id], env);
    expect(stderr + stdout).toContain("synced");
    expect(stdout).toContain("2 added, 0 removed");
    expect(code).toBe(0);
    expect(flex.contactLinesOf(call.element)).toHaveLength(2);
  });

  test("works where the host's transactions begin as serializable", async () => {
    const { env, sql, name, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana, ben] });
    await sql.unsafe(`alter database ${name} set default_transaction_isolation = 'serializable'`);
    await startDrain();
    const { code, stdout } = await cli(["sync", call.id], env);
    expect(stdout).toContain("2 added");
    expect(code).toBe(0);
    expect((await cli(["sync", "--job", call.job, "--dry-run"], env)).code).toBe(0);
  });

  test("prints one JSON document, in sync and not, and exits 1 for somebody without a Flex id", async () => {
    const { env, makeCall, startDrain } = await setStage();
    const whole = await makeCall({ desired: [ana] });
    const partly = await makeCall({ desired: [ben, { ...cleo, resource: null }] });
    await startDrain();
    const good = await cli(["sync", whole.id, "--json"], env);
    expect(JSON.parse(good.stdout)).toMatchObject({
      in_sync: true,
      crew_calls: [{ crew_call_id: whole.id, condition: "synced", finished: true, added: 1 }],
    });
    expect(good.code).toBe(0);
    const both = await cli(["sync", whole.id, partly.id, "--json"], env);
    expect(JSON.parse(both.stdout)).toMatchObject({
      in_sync: false,
      crew_calls: [
        { condition: "synced", kept: 1, added: 0 },
        {
          condition: "unmapped",
          reason: "no_resource",
          added: 1,
          unmapped: 1,
          not_in_sync: [{ technician_id: cleo.id }],
        },
      ],
    });
    expect(both.code).toBe(1);
  });

  test("syncs the departments of a job, and says which have no crew call", async () => {
    const { env, sql, makeCall, startDrain } = await setStage();
    const sound = await makeCall({ desired: [ana] });
    const lights = await makeCall({ desired: [ben], department: "lights", job: sound.job });
    await startDrain();
    const one = await cli(["sync", "--job", sound.job, "--department", "sound", "--json"], env);
    expect(JSON.parse(one.stdout).crew_calls).toMatchObject([{ crew_call_id: sound.id }]);
    expect(one.code).toBe(0);
    await sql`update job_assignments set video_role = 'V' where job_id = ${sound.job}`;
    const all = await cli(["sync", "--job", sound.job, "--json"], env);
    expect(JSON.parse(all.stdout).crew_calls).toMatchObject([
      { crew_call_id: lights.id, condition: "synced" },
      { crew_call_id: sound.id, condition: "synced" },
      { crew_call_id: null, department: "video", condition: "no_crew_call" },
    ]);
    expect(all.code).toBe(1);
  });

  test("says what it would do and does nothing", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const words = await cli(["sync", call.id, "--dry-run"], env);
    expect(words.stdout).toContain(`add       ${ana.id}`);
    const json = await cli(["sync", call.id, "--dry-run", "--json"], env);
    expect(JSON.parse(json.stdout)).toMatchObject({
      dry_run: true,
      crew_calls: [{ to_add: [{ technician_id: ana.id }] }],
    });
    expect([words.code, json.code]).toEqual([1, 1]);
    expect(await sql`select from flex_sync.syncs`).toHaveLength(0);
  });

  test("does not wait with --no-wait", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const { code, stdout } = await cli(["sync", call.id, "--no-wait", "--json"], env);
    expect(JSON.parse(stdout).crew_calls).toMatchObject([{ finished: false, condition: "pending" }]);
    expect(code).toBe(0);
    const [row] = await sql`select requested_by from flex_sync.syncs`;
    expect(row?.requested_by).toMatch(/^flex-crew-sync sync/);
  });

  test("refuses what is no id before it asks the database", async () => {
    const { code, stderr } = await cli(["sync", "SND-FOH-R"], {
      DATABASE_URL: "postgres://127.0.0.1:1/none",
    });
    expect(code).toBe(2);
    expect(stderr).toContain("BADID");
    expect(stderr).toContain('"SND-FOH-R"');
  });

  test.each([
    ["nothing to sync", []],
    ["a job and a crew call", [randomUUID(), "--job", randomUUID()]],
    ["a department without a job", [randomUUID(), "--department", "sound"]],
    ["a timeout that is no number", [randomUUID(), "--timeout", "soon"]],
    ["an unknown option", [randomUUID(), "--force"]],
  ])("refuses %s", async (_, args) => {
    const { code, stdout } = await cli(["sync", ...args, "--json"], {
      DATABASE_URL: "postgres://127.0.0.1:1/none",
    });
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE" } });
  });

  test("requests nothing when one of several ids is unknown", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const { code, stdout, stderr } = await cli(["sync", call.id, randomUUID(), "--json"], env);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "NOCAL" } });
    expect(stderr).toContain("flex_crew_calls.id");
    expect(await sql`select from flex_sync.syncs`).toHaveLength(0);
    const job = await cli(["sync", "--job", randomUUID(), "--json"], env);
    expect(job.code).toBe(2);
    expect(JSON.parse(job.stdout)).toMatchObject({ error: { code: "NOJOB" } });
  });

  test("reports a held removal at the end of the sync", async () => {
    const { env, sql, flex, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana] });
    for (let n = 10; n < 15; n += 1) flex.humanAdds(call.element, person(n).resource as string);
    await startDrain();
    const { code, stdout } = await cli(["sync", call.id, "--json"], env);
    const [answer] = JSON.parse(stdout).crew_calls;
    expect(answer).toMatchObject({ condition: "held", held: 5, added: 1, finished: true });
    expect(answer.next_action).toContain("approve_removals");
    expect(code).toBe(1);
    expect(await sql`select from flex_sync.outbox where state = 'held'`).toHaveLength(5);
  });

  test("ends at once when everything is paused, or the crew call has no element", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    await sql`update flex_crew_calls set flex_element_id = 'SOUND' where id = ${call.id}`;
    const blocked = await cli(["sync", call.id, "--json"], env);
    expect(JSON.parse(blocked.stdout).crew_calls).toMatchObject([
      { condition: "blocked", reason: "malformed_id" },
    ]);
    const other = await makeCall({ desired: [ana] });
    await sql`select flex_sync.pause('lunch')`;
    const paused = await cli(["sync", other.id, "--json"], env);
    expect(JSON.parse(paused.stdout).crew_calls).toMatchObject([{ condition: "paused", finished: false }]);
    expect([blocked.code, paused.code]).toEqual([1, 1]);
  });

  test("stops waiting after --timeout and exits 1", async () => {
    const { env, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const { code, stdout, stderr } = await cli(["sync", call.id, "--timeout", "0.2", "--json"], env);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).in_sync).toBe(false);
    expect(stderr).toContain("waiting for sound");
  });

  test("tells a crew call's id from a job's, and names the departments that there are", async () => {
    const { env, makeCall } = await setStage();
    const sound = await makeCall({ desired: [ana] });

    const wrong = await cli(["sync", "--job", sound.id, "--json"], env);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: "NOJOB" } });
    expect(wrong.stderr).toContain(`sync --job ${sound.job}`);
    expect(wrong.code).toBe(2);

    const mistyped = await cli(["sync", "--job", sound.job, "--department", "suond"], env);
    expect(mistyped.stdout).toContain("or name one that has a crew call: sound");
    expect(mistyped.code).toBe(1);
  });
});
