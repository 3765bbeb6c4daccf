import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { expect, onTestFinished } from "vitest";
import { migrate } from "../../src/migrate.ts";
import type { Migration } from "../../src/migrations/committed-migrations.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { ana, ben, cleo, dan, type Person, person } from "../crew-call.ts";
import { AUDITED_TABLES } from "../hosts/audited-tables.ts";
import { createDatabase } from "../postgres/database.ts";
import { type OldDrainer, startOldDrainer } from "./old-drainer.ts";

/** Longer than an answer takes here, shorter than a test waits for a lost one. */
export const TIMEOUT_MS = 3_000;

export type Call = { id: string; job: string; element: string };
export type World = {
  sql: Sql;
  url: string;
  flex: Simulator;
  calls: Record<"old" | "done" | "waiting" | "landed" | "lost" | "held" | "refused" | "inFlight", Call>;
  drainers: OldDrainer[];
};

/** A database of an earlier version with old drainers at work, and in it one of everything that can be in place. */
export async function liveWith(migrations: Migration[]): Promise<World> {
  const { sql, url } = await createDatabase({ template: "empty" });
  const flex = await startSimulator();
  onTestFinished(() => flex.stop());
  await sql.unsafe(AUDITED_TABLES);
  const old = await makeCall(sql, flex, [ana, ben]);
  // What an older sync left: Ana twice, and Cleo, whom nobody wants.
  for (const who of [ana, ana, cleo])
    await sql`insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
      values (${old.id}, ${who.id}, ${flex.humanAdds(old.element, who.resource ?? "")})`;
  await migrate({ connectionString: url, migrations });
  await sql`update flex_sync.settings set late_landing = '200 ms', confirm_after = '200 ms', lease = '6 s'`;
  await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r')`;
  const drainers = [1, 2].map(() => startOldDrainer(url, flex, TIMEOUT_MS));
  onTestFinished(async () => void (await Promise.all(drainers.map((drainer) => drainer.stop()))));

  const calls: World["calls"] = {
    old,
    done: await makeCall(sql, flex, [ana, ben]),
    landed: await makeCall(sql, flex, [ana]),
    lost: await makeCall(sql, flex, [ana]),
    held: await makeCall(sql, flex, [ana]),
    refused: await makeCall(sql, flex, [ana, dan]),
    inFlight: await makeCall(sql, flex, [ana, ben]),
    waiting: await makeCall(sql, flex, [ana]),
  };
  await ask(sql, calls.old, calls.done);
  await until(sql, calls.old, "synced");
  await until(sql, calls.done, "synced");

  for (const stranger of [21, 22, 23, 24].map(person))
    flex.humanAdds(calls.held.element, stranger.resource ?? "");
  await ask(sql, calls.held);
  await until(sql, calls.held, "held");

  const route = "add" as const;
  flex.fault({
    route,
    element: calls.refused.element,
    resource: dan.resource ?? "",
    do: { kind: "answer", when: "before", status: 422, body: { message: "no" } },
  });
  await ask(sql, calls.refused);
  await until(sql, calls.refused, "failed");

  // Sent a moment before the update: two that nobody answers, and one whose answer waits.
  flex.fault({ route, element: calls.landed.element, do: { kind: "reset", when: "after" } });
  flex.fault({ route, element: calls.lost.element, do: { kind: "reset", when: "before" } });
  flex.fault({
    route,
    element: calls.inFlight.element,
    resource: ana.resource ?? "",
    do: { kind: "wait", when: "after" },
  });
  return { sql, url, flex, calls, drainers };
}

export async function makeCall(sql: Sql, flex: Simulator, desired: Person[]): Promise<Call> {
  const call = { id: randomUUID(), job: randomUUID(), element: randomUUID() };
  flex.addElement(call.element);
  await sql`insert into jobs (id) values (${call.job})`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id) values (${call.id}, ${call.job}, 'sound', ${call.element})`;
  for (const who of [ana, ben, cleo, dan])
    await sql`insert into profiles (id, flex_resource_id) values (${who.id}, ${who.resource}) on conflict (id) do nothing`;
  for (const who of desired) await assign(sql, call, who);
  return call;
}

export async function assign(sql: Sql, { job }: Call, who: Person): Promise<void> {
  await sql`insert into job_assignments (job_id, technician_id, sound_role) values (${job}, ${who.id}, 'SND-FOH-R')`;
}

export async function ask(sql: Sql, ...calls: Call[]): Promise<void> {
  for (const { id } of calls) await sql`select sync_crew_call(${id})`;
}

/** Wait for a fact: the condition of a crew call. */
export async function until(sql: Sql, { id }: Call, condition: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const [row] =
          await sql`select condition, reason from flex_sync.crew_call_status where crew_call_id = ${id}`;
        return row?.condition === condition ? condition : `${row?.condition} ${row?.reason}`;
      },
      { timeout: 45_000, interval: 100 },
    )
    .toBe(condition);
}

export function crewOf({ flex }: World, { element }: Call): (string | null)[] {
  return flex
    .contactLinesOf(element)
    .map(({ resourceId }) => resourceId)
    .sort();
}
