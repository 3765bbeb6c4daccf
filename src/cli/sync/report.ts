import type { Sql } from "postgres";
import { type Cli, writeJson, writeLines } from "../cli.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { namesOfPeople } from "../names.ts";
import { paint } from "../terminal/paint.ts";
import { CONDITIONS } from "../terminal/paint-condition.ts";
import { asDocument, type Person } from "./report-document.ts";
import { asText, summary } from "./report-text.ts";
import type { Requested } from "./request.ts";
import { readSyncStates, type SyncState } from "./state.ts";

/** What became of each requested crew call, and what to do next. */
export async function reportSync(
  cli: Cli,
  sql: Sql,
  requested: Requested[],
  { json = false, wait = true }: { json?: boolean; wait?: boolean },
): Promise<ExitCode> {
  const { states } = await readSyncStates(sql, requested);
  const people = await readPeople(sql, requested);
  const peopleOf = (state: SyncState) =>
    people.filter(({ crew_call_id }) => crew_call_id === state.requested.plan?.crew_call_id);
  const inSync = states.every(({ status }) => status?.condition === "synced");
  if (json) {
    const crewCalls = states.map((state) => asDocument(state, peopleOf(state)));
    writeJson(cli, { in_sync: inSync, crew_calls: crewCalls });
  } else {
    const colour = paint(cli.stdout, cli.env);
    for (const state of states) writeLines(cli.stdout, asText(state, peopleOf(state), colour));
    if (states.length > 1) writeLines(cli.stdout, ["", summary(states, colour)]);
    if (states.length === 0) cli.stdout.write("The job has no crew calls and nobody to show on one.\n");
  }
  // Who does not wait asked for a request only; what cannot begin is told all the same.
  const requestedWell = states.every(({ sync }) => sync?.finished_at === null);
  return inSync || (!wait && requestedWell) ? EXIT.done : EXIT.notInSync;
}

/** Everybody who is not in sync. */
async function readPeople(sql: Sql, requested: Requested[]): Promise<Person[]> {
  const ids = requested.flatMap(({ plan }) => (plan ? [plan.crew_call_id] : []));
  const people = await sql<Omit<Person, "name">[]>`
    select crew_call_id, technician_id, coalesce(observed_line_item_id, flex_line_item_id) as flex_line_item_id,
      condition, reason, next_action
    from flex_sync.crew_status
    where crew_call_id = any (${ids}::uuid[])
      and condition <> 'synced'
    order by crew_call_id, array_position(${[...CONDITIONS]}::text[], condition), technician_id`;
  const names = await namesOfPeople(
    sql,
    people.map(({ technician_id }) => technician_id),
  );
  return people.map((person) => ({ ...person, name: names.get(person.technician_id ?? "") ?? null }));
}
