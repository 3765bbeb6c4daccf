import type { Sql } from "postgres";
import { drainOnce } from "../../src/drainer/drain.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import type { Random } from "../model/random.ts";
import type { Step } from "./history.ts";
import { addsSentBlindly, whatIsWrong } from "./oracle.ts";
import { id, LATE_LANDING_MS, TIMEOUT_MS, type World } from "./world.ts";

/**
 * Live through a history on a real database and the simulated Flex, then let everything settle as it would in a few
 * quiet minutes, say yes to what is held, and ask the oracle.
 *
 * @returns what is wrong, nothing when Flex and the tables are exactly right
 */
export async function runHistory(world: World, history: Step[], random: Random): Promise<string[]> {
  for (const step of history) await live(world, step, random);
  await settle(world);
  // Half of the wait is tolerance for the way from the claim to Flex.
  const blind = addsSentBlindly(world, (TIMEOUT_MS + LATE_LANDING_MS) / 2);
  return [...blind, ...(await whatIsWrong(world))];
}

async function live(world: World, step: Step, random: Random): Promise<void> {
  const { sql, flex, crewCall, element, url } = world;
  switch (step.do) {
    case "assign":
      await (step.role === null
        ? sql`delete from job_assignments where technician_id = ${id.person(step.person)}`
        : sql`insert into job_assignments (job_id, technician_id, sound_role)
            values (${id.job}, ${id.person(step.person)}, ${step.role})
            on conflict (job_id, technician_id) do update set sound_role = excluded.sound_role`);
      return;
    case "change resource":
      await sql`update profiles set flex_resource_id = ${id.resource(step.person, step.second)} where id = ${id.person(step.person)}`;
      return;
    case "click":
      await Promise.all(Array.from({ length: step.times }, () => click(sql, crewCall)));
      return;
    case "human adds":
      flex.humanAdds(element, id.resource(step.person, false));
      return;
    case "human adds a stranger":
      flex.humanAdds(element, id.stranger(random.below(3)));
      return;
    case "human deletes": {
      const line = flex.contactLinesOf(element)[step.nth];
      if (line) {
        flex.humanDeletes(line.id);
        world.humanDeletions.push(Date.now());
      }
      return;
    }
    case "human sets a role": {
      const line = flex.contactLinesOf(element)[step.nth];
      if (line) flex.humanSetsRole(line.id, id.role("T"));
      return;
    }
    case "fault":
      flex.fault({ route: step.route, do: step.action });
      return;
    case "drain":
      await Promise.all(Array.from({ length: step.drainers }, () => drainBriefly(flex, url)));
      return;
    case "drainer dies":
      await dieMidway(world, step.after);
      return;
    case "lose the crew call":
      await sql`update flex_crew_calls set flex_element_id = null where id = ${crewCall}`;
      if (step.back)
        await sql`update flex_crew_calls set flex_element_id = ${element} where id = ${crewCall}`;
  }
}

/** A drainer that claims, perhaps sends, and is never heard of again. */
async function dieMidway({ sql, flex, humanDeletions }: World, after: "claim" | "send"): Promise<void> {
  const claimed = await sql<
    { kind: string; flex_element_id: string; flex_resource_id: string; flex_line_item_id: string }[]
  >`
    select * from flex_sync.claim_operations('dies', 2, ${`${TIMEOUT_MS} milliseconds`}::interval)`;
  if (after === "claim") return;
  for (const operation of claimed) {
    if (operation.kind === "add") flex.humanAdds(operation.flex_element_id, operation.flex_resource_id);
    if (operation.kind === "remove") {
      flex.humanDeletes(operation.flex_line_item_id);
      humanDeletions.push(Date.now());
    }
  }
}

async function drainBriefly(flex: Simulator, url: string, patienceMs = 300): Promise<void> {
  await drainOnce({
    databaseUrl: url,
    flexBaseUrl: flex.baseUrl,
    flexAuthToken: flex.token,
    timeoutMs: TIMEOUT_MS,
    patienceMs,
  });
}

async function click(sql: Sql, crewCall: string): Promise<void> {
  await sql`select sync_crew_call(${crewCall})`;
}

/** No faults any more: everything that waits for time gets it, everything held gets its yes. */
async function settle(world: World): Promise<void> {
  const { sql, flex, crewCall, element, url } = world;
  await sql`update flex_crew_calls set flex_element_id = ${element} where id = ${crewCall}`;
  flex.clearFaults();
  for (let round = 0; round < 30; round++) {
    await click(sql, crewCall);
    await drainBriefly(flex, url, 1_500);
    const [status] = await sql<{ condition: string; reason: string; plan: string | null }[]>`
      select condition, reason, plan from flex_sync.crew_call_status where crew_call_id = ${crewCall} and flex_element_id = ${element}`;
    if (status?.condition === "held")
      await sql`select flex_sync.approve_removals(${crewCall}, ${status.plan})`;
    else if (status?.condition === "failed") await sql`select flex_sync.retry_failed(${crewCall})`;
    else if (status?.condition === "synced") return;
    else await waitForTheNextThing(sql);
  }
}

async function waitForTheNextThing(sql: Sql): Promise<void> {
  const [row] = await sql<{ ms: number | null }[]>`
    select extract(epoch from flex_sync.next_work_at() - flex_sync.clock())::float8 * 1000 as ms`;
  await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(row?.ms ?? 100, 20), 3_000)));
}
