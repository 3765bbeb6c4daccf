import type { Sql } from "postgres";
import type { CrewStatusRow } from "../../rows.ts";
import { type Cli, writeJson, writeLines } from "../cli.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { actionsForPeople } from "../next-actions.ts";
import { type Paint, paint } from "../terminal/paint.ts";
import { paintCondition } from "../terminal/paint-condition.ts";
import { noCrewCall } from "./dry-run.ts";
import type { Requested } from "./request.ts";
import { readSyncStates, type SyncState } from "./state.ts";
import { labelOf } from "./wait-text.ts";

type Person = Pick<
  CrewStatusRow,
  "crew_call_id" | "technician_id" | "condition" | "reason" | "next_action"
> & { flex_line_item_id: string | null };

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
    if (states.length === 0) cli.stdout.write("The job has no crew calls and nobody to show on one.\n");
  }
  // Who does not wait asked for a request only; what cannot begin is told all the same.
  const requestedWell = states.every(({ sync }) => sync?.finished_at === null);
  return inSync || (!wait && requestedWell) ? EXIT.done : EXIT.notInSync;
}

/** Everybody who is not in sync. */
async function readPeople(sql: Sql, requested: Requested[]): Promise<Person[]> {
  const ids = requested.flatMap(({ plan }) => (plan ? [plan.crew_call_id] : []));
  return sql<Person[]>`
    select crew_call_id, technician_id, coalesce(observed_line_item_id, flex_line_item_id) as flex_line_item_id,
      condition, reason, next_action
    from flex_sync.crew_status
    where crew_call_id = any (${ids}::uuid[])
      and condition <> 'synced'
    order by crew_call_id, condition, technician_id`;
}

function asDocument({ requested, status, sync }: SyncState, people: Person[]) {
  if (!requested.plan) return noCrewCall(requested.department);
  const { crew_call_id, flex_element_id, sync_id } = requested.plan;
  return {
    crew_call_id,
    flex_element_id,
    job_id: status?.job_id ?? null,
    department: status?.department ?? null,
    condition: status?.condition ?? "gone",
    reason: status?.reason ?? null,
    next_action: status?.next_action ?? null,
    plan: status?.plan ?? null,
    sync_id,
    finished: sync ? sync.finished_at !== null : true,
    added: sync?.added ?? 0,
    removed: sync?.removed ?? 0,
    kept: sync?.kept ?? 0,
    roles_set: sync?.roles_set ?? 0,
    stale: sync?.stale ?? 0,
    failed: sync?.failed ?? 0,
    held: Number(status?.held ?? 0),
    unknown: Number(status?.unknown ?? 0),
    unmapped: people.filter(({ condition }) => condition === "unmapped").length,
    flex_calls: sync?.flex_calls ?? 0,
    seconds: sync?.seconds ?? null,
    not_in_sync: people.map(({ crew_call_id: _, ...person }) => person),
  };
}

function asText(state: SyncState, people: Person[], colour: Paint): string[] {
  const document = asDocument(state, people);
  const head = `${labelOf(state)}: ${paintCondition(document.condition, colour)}`;
  if (!("sync_id" in document)) return [head, `  next: ${document.next_action}`];
  const { added, removed, kept, roles_set, stale, held, unmapped, unknown, failed, seconds } = document;
  const counts = Object.entries({ added, removed, kept, roles_set, stale, held, unmapped, unknown, failed })
    .filter(([name, count]) => count > 0 || ["added", "removed", "kept"].includes(name))
    .map(([name, count]) => `${count} ${name === "roles_set" ? "roles set" : name}`);
  const took = seconds === null ? "" : ` in ${Number(seconds).toFixed(1)} s`;
  const shown = people.slice(0, 20).map(({ technician_id, flex_line_item_id, condition, reason }) => {
    const who = technician_id ? `person ${technician_id}` : `line ${flex_line_item_id}`;
    return `  ${who} ${condition}${reason ? ` (${reason})` : ""}`;
  });
  const others = actionsForPeople(
    document.next_action,
    people.map((person) => ({ ...person, line: person.flex_line_item_id })),
  );
  return [
    `${head}${document.reason ? ` (${document.reason})` : ""}`,
    `  ${counts.join(", ")}${took}`,
    ...shown,
    ...(people.length > 20
      ? [`  and ${people.length - 20} more: flex-crew-sync status ${document.crew_call_id}`]
      : []),
    ...(document.next_action ? [`  next: ${document.next_action}`] : []),
    ...others.map((action) => `  next: ${action}`),
  ];
}
