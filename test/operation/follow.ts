import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import { cli } from "../cli/command-line.ts";
import { drainUntilRest, type Stage, type StagedCall, type Stepper } from "../drainer/stage.ts";
import { moveClock } from "../functions/move-clock.ts";
import { findProgram } from "../needs.ts";

/** What the views say of a crew call, and of the people on it who are not in sync. */
export type Seen = { crewCall: string; people: Record<string, string>; nextAction: string | null };

export async function look({ sql }: Pick<Stage, "sql">, { id }: Pick<StagedCall, "id">): Promise<Seen> {
  const [call] = await sql`select concat_ws(' ', condition, reason) as says, next_action
    from flex_sync.crew_call_status where crew_call_id = ${id}`;
  const people =
    await sql`select coalesce(technician_id::text, 'line') as who, concat_ws(' ', condition, reason) as says
    from flex_sync.crew_status where crew_call_id = ${id} and condition <> 'synced' order by 1`;
  return {
    crewCall: call?.says ?? "no row",
    people: Object.fromEntries(people.map(({ who, says }) => [who, says])),
    nextAction: call?.next_action ?? null,
  };
}

/** The views say so, and the command line says the same. */
export async function saysSo(
  stage: Stage,
  call: StagedCall,
  expected: Pick<Seen, "crewCall" | "people">,
): Promise<string | null> {
  const { crewCall, people, nextAction } = await look(stage, call);
  expect({ crewCall, people }).toEqual({ crewCall: expected.crewCall, people: expected.people });

  const status = await cli(["status", call.id], { DATABASE_URL: stage.url }, { columns: 400 });
  expect(status.code).toBe(crewCall === "synced" ? 0 : 1);
  const lines = status.stdout.split("\n").map((line) => line.trim());
  for (const [who, says] of Object.entries(people)) {
    const line = lines.find((text) => text.startsWith(who));
    for (const word of says.split(" ")) expect(line).toContain(word);
  }
  if (nextAction) expect(status.stdout).toContain(nextAction);
  return nextAction;
}

/** Paste a text into psql, as it is; without psql on this machine, send it to the database as it is. */
export async function paste({ sql, url }: Pick<Stage, "sql" | "url">, text: string): Promise<string> {
  if (!findProgram("psql")) return JSON.stringify(await sql.unsafe(text));
  const { status, stdout, stderr } = spawnSync("psql", ["-X", "-v", "ON_ERROR_STOP=1", url], {
    input: `${text}\n`,
    encoding: "utf8",
  });
  expect({ status, stderr }, text).toEqual({ status: 0, stderr: "" });
  return stdout;
}

/** Do what a next action says: paste it, and where it asks for a yes, say it. */
export async function follow(stage: Pick<Stage, "sql" | "url">, nextAction: string): Promise<void> {
  await paste(stage, nextAction);
  const yes = / yes: (select [^;]*;)/.exec(nextAction)?.[1];
  if (yes) await paste(stage, yes);
}

/** Drain, and let time pass to whatever waits for it, until the crew call is in sync or nothing waits within two hours. */
export async function letTimePass(stage: Stage, drainer: Stepper, call: StagedCall): Promise<void> {
  for (let waits = 0; waits < 40; waits += 1) {
    await drainUntilRest(drainer);
    if ((await stage.conditionOf(call)).condition === "synced") return;
    const [next] = await stage.sql<{ wait: string }[]>`
      select greatest(at - flex_sync.clock(), interval '1 ms')::text as wait
      from flex_sync.next_work_at() as at
      where at < flex_sync.clock() + interval '2 h'`;
    if (!next) return;
    await moveClock(stage.sql, next.wait);
  }
}
