import type { World } from "./world.ts";

/** Answers after which it is certain that Flex did not add anybody. */
const NOT_EXECUTED = new Set([400, 401, 409, 423, 429]);

/**
 * Adds that were sent again although nobody knew yet what became of the one before: no reading begun after its deadline
 * plus late_landing can have been there, and nobody deleted a line meanwhile.
 *
 * @param unprovenMs the shortest time, at Flex, between an unanswered add and the next one for the same person
 */
export function addsSentBlindly({ flex, humanDeletions }: World, unprovenMs: number): string[] {
  const adds = flex.calls.filter((call) => call.route === "add");
  return adds.flatMap((add, index) => {
    const next = adds.slice(index + 1).find((other) => other.resource === add.resource);
    const answered = add.fault === null || NOT_EXECUTED.has(add.status ?? 0);
    if (!next || answered || next.at - add.at >= unprovenMs) return [];
    const deleted =
      humanDeletions.some((at) => at >= add.at && at <= next.at) ||
      flex.calls.some(
        (call) => call.route === "remove" && call.number > add.number && call.number < next.number,
      );
    return deleted
      ? []
      : [
          `resource ${add.resource} was added again ${next.at - add.at} ms after an add without an answer (${add.fault})`,
        ];
  });
}

/** Everything in which Flex and the tables differ from what the job says, in words; nothing when all is exactly right. */
export async function whatIsWrong({ sql, flex, crewCall, element }: World): Promise<string[]> {
  const wrong: string[] = [];
  const desired = await sql<{ technician_id: string; resource: string; role_id: string | null }[]>`
    select technician_id, resource, role_id from flex_sync.desired_of(${crewCall})`;
  const recorded = await sql<{ technician_id: string; flex_line_item_id: string }[]>`
    select technician_id, flex_line_item_id from flex_crew_assignments where crew_call_id = ${crewCall}`;
  const lines = flex.contactLinesOf(element);

  for (const person of desired) {
    const theirs = lines.filter((line) => line.resourceId === person.resource);
    if (theirs.length !== 1) wrong.push(`person ${person.technician_id} has ${theirs.length} lines in Flex`);
    const row = recorded.find((one) => one.technician_id === person.technician_id);
    if (row?.flex_line_item_id !== theirs[0]?.id) {
      wrong.push(
        `person ${person.technician_id} is recorded with ${row?.flex_line_item_id}, in Flex with ${theirs[0]?.id}`,
      );
    }
    if (person.role_id !== null && theirs[0] && theirs[0].roleId !== person.role_id) {
      wrong.push(`person ${person.technician_id} has role ${theirs[0].roleId} instead of ${person.role_id}`);
    }
  }
  for (const line of lines) {
    if (!desired.some((person) => person.resource === line.resourceId))
      wrong.push(`line ${line.id} is for nobody desired`);
  }
  for (const row of recorded) {
    if (!desired.some((person) => person.technician_id === row.technician_id)) {
      wrong.push(`person ${row.technician_id} is recorded and not desired`);
    }
  }
  const open = await sql<{ kind: string; state: string; reason: string | null }[]>`
    select kind, state, reason from flex_sync.outbox
    where state in ('sending', 'unknown', 'held') or (state = 'pending' and kind <> 'observe')`;
  for (const operation of open)
    wrong.push(`${operation.kind} is still ${operation.state} (${operation.reason})`);
  const unfinished = await sql`select id from flex_sync.syncs where finished_at is null`;
  if (unfinished.length > 0) wrong.push(`${unfinished.length} syncs never finished`);
  const [status] = await sql<{ condition: string; reason: string | null }[]>`
    select condition, reason from flex_sync.crew_call_status where crew_call_id = ${crewCall} and flex_element_id = ${element}`;
  if (status?.condition !== "synced") wrong.push(`the crew call is ${status?.condition} (${status?.reason})`);
  return wrong;
}
