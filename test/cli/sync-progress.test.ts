import { describe, expect, test } from "vitest";
import { ana, ben, cleo, person } from "../crew-call.ts";
import { needs } from "../needs.ts";
import { cli } from "./command-line.ts";
import { setStage } from "./stage.ts";
import { startOnTerminal } from "./terminal/pseudo-terminal.ts";

const onTerminal = needs("python3");
const SIZE = { rows: 24, columns: 100 };

describe("flex-crew-sync sync on a terminal", () => {
  onTerminal("shows a bar and what it waits for, then only the report", async () => {
    const { env, flex, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana, ben, { ...cleo, resource: null }] });
    const terminal = startOnTerminal(["sync", call.id], env, SIZE);
    await terminal.shows(/^\[░+\] 0\/\d+ {2}\d+ s$/m);
    await terminal.shows(`waiting for sound ${call.id.slice(0, 8)}: pending, waiting for a`);
    await startDrain();
    expect(await terminal.ended).toBe(1);
    const { text, cursor, second } = terminal.screen();
    expect(text).not.toContain("░");
    expect(text).toMatch(/^ {2}2 added, 0 removed, 0 kept, 1 unmapped · 3 Flex calls · \d+\.\d s$/m);
    expect(text).toContain(`person ${cleo.id} unmapped: has no Flex contact id (no_resource)`);
    expect(text.replaceAll("\n", "")).toMatch(/next: .*profiles\.flex_resource_id/);
    expect([cursor, second]).toEqual([true, false]);
    expect(flex.contactLinesOf(call.element)).toHaveLength(2);
  });

  onTerminal("on Ctrl-C says that the sync goes on, and how to follow it", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    const terminal = startOnTerminal(["sync", call.id], env, SIZE);
    await terminal.shows("waiting for sound");
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(130);
    const { text } = terminal.screen();
    expect(text).toContain("the sync goes on without us");
    const [follow] = /flex-crew-sync (status .* --watch)/.exec(text.replaceAll("\n", "")) ?? [];
    expect(follow).toContain(call.id);
    expect(await sql`select from flex_sync.syncs where finished_at is null`).toHaveLength(1);
    const followed = startOnTerminal((follow ?? "").split(" ").slice(1), env, SIZE);
    await followed.shows("pending");
    followed.type("\u0003");
    expect(await followed.ended).toBe(0);
  });

  onTerminal("says in words why nothing moves", async () => {
    const { env, sql, flex, makeCall, startDrain } = await setStage();
    const call = await makeCall({ desired: [ana] });
    await sql`update flex_sync.settings set hourly_limit = 0`;
    const terminal = startOnTerminal(["sync", call.id], env, { rows: 24, columns: 160 });
    await terminal.shows("no Flex call is left for now (quota)");
    await sql`update flex_sync.settings set hourly_limit = null`;
    flex.fault({ route: "any", forever: true, do: { kind: "gateway", status: 503 } });
    const other = await makeCall({ desired: [ben] });
    await sql`select sync_crew_call(${other.id})`;
    await startDrain();
    await terminal.shows("Flex is down or cannot be reached (flex_down)");
    flex.clearFaults();
    expect(await terminal.ended).toBe(0);
  });
});

test("several crew calls get one more line with all of them", async () => {
  const { env, makeCall, startDrain } = await setStage();
  const one = await makeCall({ desired: [ana, ben] });
  const same = await makeCall({ desired: [cleo], element: one.element, department: "lights", job: one.job });
  const held = await makeCall({ desired: [person(9)] });
  await startDrain();
  const { stdout, code } = await cli(["sync", one.id, same.id, held.id], env);
  expect(code).toBe(0);
  const [summary = ""] = stdout.trimEnd().split("\n").slice(-1);
  expect(summary).toMatch(/^3 crew calls: 3 synced · 4 added, 0 removed · \d+ Flex calls · \d+\.\d s$/);
});
