import type { Sql } from "postgres";
import { flexIdOf, people } from "./people.ts";
import type { Screen } from "./screen.ts";
import { crewCalls } from "./season.ts";

type Held = { crew_call_id: string; flex_resource_id: string; plan: string };

/** Removals that wait for a person: say why, and be that person. */
export async function approveHeldRemovals(sql: Sql, screen: Screen): Promise<void> {
  const held = await sql<Held[]>`
    select outbox.crew_call_id, outbox.flex_resource_id, crew_call_status.plan
    from flex_sync.outbox
    join flex_sync.crew_call_status using (crew_call_id)
    where outbox.state = 'held'`;
  for (const { crew_call_id, flex_resource_id, plan } of held) {
    const title = crewCalls.find(({ id }) => id === crew_call_id)?.title;
    const name = people.find((person) => flexIdOf(person) === flex_resource_id)?.name;
    screen.gap();
    screen.say(
      `${name} has a second line on ${title}, and not one of ours: Flex lets a person have ` +
        "several shifts. Its removal is held until somebody says yes:",
    );
    screen.command(
      `select flex_sync.approve_removals('${crew_call_id.slice(0, 8)}…', '${plan.slice(0, 8)}…');`,
    );
    await sql`select flex_sync.approve_removals(${crew_call_id}, ${plan})`;
  }
}
