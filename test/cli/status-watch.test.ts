import postgres from "postgres";
import { describe, expect, inject, test } from "vitest";
import { ana, ben, type CrewCall, cleo, person } from "../crew-call.ts";
import { needs } from "../needs.ts";
import { start } from "./command-line.ts";
import { type Stage, setStage } from "./stage.ts";
import { startOnTerminal } from "./terminal/pseudo-terminal.ts";

const onTerminal = needs("python3");

/** One crew call in sync, one with somebody unmapped, one that is blocked. */
async function setThree(): Promise<Stage & { good: CrewCall; partly: CrewCall; blocked: CrewCall }> {
  const stage = await setStage();
  const good = await stage.makeCall({ desired: [ana] });
  const partly = await stage.makeCall({ desired: [{ ...ben, resource: null }] });
  for (const { id } of [good, partly]) await stage.sql`select sync_crew_call(${id})`;
  await stage.drainOnce();
  const blocked = await stage.makeCall({ desired: [cleo] });
  await stage.sql`update flex_crew_calls set flex_element_id = 'no id' where id = ${blocked.id}`;
  return { ...stage, good, partly, blocked };
}

/** Nobody can connect, and whoever is, is thrown out. */
async function closeDatabase(name: string): Promise<{ open(): Promise<void> }> {
  const admin = postgres(inject("postgres").url, { max: 1, onnotice: () => {} });
  await admin.unsafe(`alter database ${name} allow_connections false`);
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
  return {
    async open() {
      await admin.unsafe(`alter database ${name} allow_connections true`);
      await admin.end();
    },
  };
}

describe("flex-crew-sync status --watch on a terminal", () => {
  onTerminal("shows counts, budget, breaker, and the most urgent first, on a screen of its own", async () => {
    const { env, good, partly, blocked } = await setThree();
    const terminal = startOnTerminal(["status", "--watch"], env, { rows: 30, columns: 100 });
    await terminal.shows("3 crew calls: 1 blocked, 1 unmapped, 1 synced");
    // The end of a frame may come a moment after its beginning.
    await terminal.shows("What to do next");
    const { text, second, cursor, lines } = terminal.screen();
    expect([second, cursor]).toEqual([true, false]);
    expect(text).toContain("breaker closed");
    expect(text).toMatch(/Flex calls left: \d+ this hour/);
    const at = [blocked, partly, good].map(({ id }) =>
      lines.findIndex((line) => line.includes(id.slice(0, 8))),
    );
    expect(at).toEqual([...at].sort((one, other) => one - other));
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen()).toMatchObject({
      second: false,
      cursor: true,
      text: expect.not.stringContaining("blocked"),
    });
  });

  onTerminal("follows what happens, and ages tick while nothing does", async () => {
    const { env, sql, makeCall, drainOnce } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const terminal = startOnTerminal(["status", call.id, "--watch"], env, { rows: 24, columns: 80 });
    await terminal.shows("never_synced");
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    await terminal.shows(/: synced/);
    await sql`select pg_sleep(1)`;
    const secondsAgo = () => Number(/last sync (\d+) s ago/.exec(terminal.screen().text)?.[1]);
    const before = secondsAgo();
    await terminal.shows(new RegExp(`last sync ${before + 2} s ago`));
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(0);
  });

  onTerminal("fits terminals from 40 columns and few lines, at once when the size changes", async () => {
    const { env, blocked, sql } = await setThree();
    for (let n = 10; n < 30; n += 1) {
      await sql`insert into flex_crew_calls (job_id, department, flex_element_id)
        select id, 'lights', ${person(n).id} from jobs limit 1`;
    }
    const terminal = startOnTerminal(["status", "--watch"], env, { rows: 40, columns: 120 });
    await terminal.shows(blocked.id);
    for (const size of [
      { rows: 12, columns: 40 },
      { rows: 24, columns: 60 },
      { rows: 5, columns: 40 },
    ]) {
      terminal.resize(size);
      await terminal.shows(blocked.id.slice(0, 8));
      await terminal.shows("23 crew calls");
      if (size.rows > 8) await terminal.shows(/and \d+ more/);
      expect(terminal.screen().scrolled).toBe(0);
    }
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(0);
  });

  onTerminal("says that the database is away, and goes on when it is back", async () => {
    const { env, name, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    await sql.end();
    const terminal = startOnTerminal(["status", "--watch"], env, { rows: 24, columns: 80 });
    await terminal.shows("never_synced");
    const closed = await closeDatabase(name);
    await terminal.shows("The database does not answer, trying again");
    // What was seen last stays, and its age is told.
    await terminal.shows(/from [2-9] s ago:/);
    await terminal.shows(call.id.slice(0, 8));
    await closed.open();
    await terminal.shows("Ctrl-C ends");
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen()).toMatchObject({ second: false, cursor: true });
  });

  onTerminal("leaves the terminal as it is when it cannot begin", async () => {
    const { env } = await setStage();
    const terminal = startOnTerminal(["status", "00000000-0000-4000-8000-000000000000", "--watch"], env, {
      rows: 24,
      columns: 80,
    });
    expect(await terminal.ended).toBe(2);
    expect(terminal.sent).not.toContain("\u001b[?1049h");
    expect(terminal.screen().text).toContain("NOCAL");
  });
});

describe("flex-crew-sync status --watch without a terminal", () => {
  test("prints a snapshot at each change, and nothing that a terminal obeys", async () => {
    const { env, sql, makeCall, drainOnce } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const watching = start(["status", "--watch"], env);
    await watching.says("never_synced");
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    await watching.says(/ synced /);
    watching.kill("SIGINT");
    const { code, stdout } = await watching.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain("\u001b");
    const snapshots = stdout.split(/^at /m).slice(1);
    expect(new Set(snapshots.map((text) => text.split("\n").slice(1).join("\n"))).size).toBe(
      snapshots.length,
    );
  });

  test("says once that the database is away, and prints again when it is back", async () => {
    const { env, name, sql, makeCall } = await setStage();
    await makeCall({ desired: [ana] });
    await sql.end();
    const watching = start(["status", "--watch"], env);
    await watching.says("never_synced");
    const closed = await closeDatabase(name);
    await watching.says("the database does not answer");
    await closed.open();
    await watching.says(/the database does not answer[\s\S]*never_synced/);
    watching.kill("SIGINT");
    const { code, stdout } = await watching.ended;
    expect(code).toBe(0);
    expect(stdout.match(/does not answer/g)).toHaveLength(1);
  });
});
