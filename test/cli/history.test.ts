import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, ben, cleo, unassign } from "../crew-call.ts";
import { cli, type Env } from "./command-line.ts";
import { type Stage, setStage } from "./stage.ts";

type Told = { what: string; outcome: string; technician_id: string | null; at: string; who: string | null };

async function tell(args: string[], env: Env) {
  const { code, stdout } = await cli(["history", ...args, "--json"], env);
  expect(code).toBe(0);
  const history = JSON.parse(stdout) as {
    technician_id: string | null;
    since: string | null;
    happened: Told[];
  };
  return { ...history, told: history.happened.map(({ what, outcome }) => `${what} ${outcome}`) };
}

/** A crew call with Ana added, and Ben taken away again. */
async function setFriday(): Promise<Stage & { id: string }> {
  const stage = await setStage();
  const call = await stage.makeCall({ desired: [ana, ben] });
  await stage.sql`select sync_crew_call(${call.id}, requested_by => 'Marta')`;
  await stage.drainOnce();
  await unassign(stage.sql, call, [ben]);
  await stage.sql`select sync_crew_call(${call.id})`;
  await stage.drainOnce();
  return { ...stage, id: call.id };
}

describe("flex-crew-sync history", () => {
  test("tells what happened, to everybody and to one person", async () => {
    const { env, id } = await setFriday();
    const all = await tell([id], env);
    expect(all.told).toEqual(
      expect.arrayContaining(["request opened", "plan add", "call done", "plan remove", "sync synced"]),
    );
    expect(all.happened.map(({ at }) => at)).toEqual(all.happened.map(({ at }) => at).sort());
    const one = await tell([id.slice(0, 8), ben.id], env);
    expect(one.technician_id).toBe(ben.id);
    expect(new Set(one.happened.map(({ technician_id }) => technician_id))).toEqual(new Set([null, ben.id]));
    expect(one.told.filter((what) => what === "call done")).toHaveLength(2);
    const words = await cli(["history", id, ben.id.slice(0, 36)], env);
    expect(words.stdout).toContain("Marta asked for a sync.");
    expect(words.stdout).toMatch(/^\w+day \d{4}-\d\d-\d\d\n\d\d:\d\d:\d\d {2}/);
    expect(words.stdout).not.toContain(ana.id);
  });

  test("begins where --since says: so long ago, a day, a time in this machine's zone", async () => {
    const { env, sql, id } = await setFriday();
    const { happened } = await tell([id], env);
    await sql`update flex_sync.calls set made_at = made_at - interval '3 days'`;
    const calls = (told: string[]) => told.filter((what) => what.startsWith("call ")).length;
    expect(calls((await tell([id, "--since", "4 days"], env)).told)).toBe(3);
    expect(calls((await tell([id, "--since", "2d"], env)).told)).toBe(0);
    expect((await tell([id, "--since", "tomorrow"], env)).told).toEqual([]);
    const last = happened.at(-1)?.at as string;
    expect((await tell([id, "--since", last], env)).happened.map(({ at }) => at)).toContain(last);
    const { since } = await tell([id, "--since", "2026-11-20 18:00"], env);
    expect(new Date(since ?? "").getTime()).toBe(new Date(2026, 10, 20, 18).getTime());
  });

  test("refuses a time that is none, a person who is nobody there, a crew call that is none", async () => {
    const { env, id } = await setFriday();
    const time = await cli(["history", id, "--since", "some day"], env);
    expect(time.stderr).toContain("(USAGE)");
    expect(time.stderr).toContain('"some day"');
    const nobody = await cli(["history", id, cleo.id], env);
    expect(nobody.stderr).toContain("(BADID)");
    expect(nobody.stderr).toContain(ana.id);
    const several = await cli(["history", id, "aaaaaaaa"], env);
    expect(several.stderr).toContain("several");
    const name = await cli(["history", id, "Ana"], env);
    expect(name.stderr).toContain('"Ana"');
    const unknown = await cli(["history", randomUUID()], env);
    expect(unknown.stderr).toContain("(NOCAL)");
    for (const { code } of [time, nobody, several, name, unknown]) expect(code).toBe(2);
  });

  test("says that nothing has happened, and fits a narrow terminal", async () => {
    const { env, makeCall, id } = await setFriday();
    const fresh = await makeCall({ desired: [cleo] });
    expect((await cli(["history", fresh.id], env)).stdout).toBe(
      "Nothing has happened on this crew call yet.\n",
    );
    const { stdout } = await cli(["history", id], { ...env, NO_COLOR: "1" }, { isTTY: true, columns: 40 });
    const long = stdout.split("\n").filter((line) => line.length > 40);
    expect(long.filter((line) => line.trim().split(/ +/).length > 2)).toEqual([]);
  });
});
