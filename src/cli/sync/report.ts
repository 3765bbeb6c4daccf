import type { Sql } from "postgres";
import { reasonInWords } from "../../reason-in-words.ts";
import type { CrewStatusRow } from "../../rows.ts";
import { type Cli, writeJson, writeLines } from "../cli.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Paint, paint } from "../terminal/paint.ts";
import { CONDITIONS, paintCondition } from "../terminal/paint-condition.ts";
import { printable } from "../terminal/text.ts";
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
  return sql<Person[]>`
    select crew_call_id, technician_id, coalesce(observed_line_item_id, flex_line_item_id) as flex_line_item_id,
      condition, reason, next_action
    from flex_sync.crew_status
    where crew_call_id = any (${ids}::uuid[])
      and condition <> 'synced'
    order by crew_call_id, array_position(${[...CONDITIONS]}::text[], condition), technician_id`;
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

/** More people than this are counted and not named. */
const MOST_NAMED = 20;

function asText(state: SyncState, people: Person[], colour: Paint): string[] {
  const document = asDocument(state, people);
  const head = `${labelOf(state)}: ${paintCondition(document.condition, colour)}`;
  if (!("sync_id" in document)) return [head, `  next: ${document.next_action}`];
  const { condition, reason, next_action, seconds, flex_calls } = document;
  const shown = people.slice(0, MOST_NAMED).map((person) => {
    const who = person.technician_id ? `person ${person.technician_id}` : `line ${person.flex_line_item_id}`;
    return `  ${who} ${person.condition}${person.reason ? `: ${inWords(person.condition, person.reason)}` : ""}`;
  });
  // Held removals are approved together, and the crew call's action names their plan.
  const others = people.filter((person) => person.condition !== "held");
  const actions = new Set([next_action, ...others.map((person) => person.next_action)]);
  return [
    `${head}${reason ? `, ${inWords(condition, reason)}` : ""}`,
    `  ${[countsOf(document), calls(flex_calls), ...(seconds === null ? [] : [inSeconds(seconds)])].join(" · ")}`,
    ...shown,
    ...(people.length > MOST_NAMED
      ? [`  and ${people.length - MOST_NAMED} more: flex-crew-sync status ${document.crew_call_id}`]
      : []),
    ...[...actions].flatMap((action) => (action ? [`  next: ${printable(action)}`] : [])),
  ];
}

const COUNTED = [
  "added",
  "removed",
  "kept",
  "roles_set",
  "stale",
  "held",
  "unmapped",
  "unknown",
  "failed",
] as const;
const ALWAYS_TOLD = ["added", "removed", "kept"];

function countsOf(counts: Record<(typeof COUNTED)[number], number>): string {
  return COUNTED.filter((name) => counts[name] > 0 || ALWAYS_TOLD.includes(name))
    .map(
      (name) => `${counts[name]} ${name === "roles_set" ? `role${counts[name] === 1 ? "" : "s"} set` : name}`,
    )
    .join(", ");
}

/** All of several crew calls in one line. Those of one element share one sync, which counts once. */
function summary(states: SyncState[], colour: Paint): string {
  const conditions = new Map<string, number>();
  for (const { requested, status } of states) {
    const condition = status?.condition ?? (requested.plan ? "gone" : "no_crew_call");
    conditions.set(condition, (conditions.get(condition) ?? 0) + 1);
  }
  const syncs = [...new Map(states.flatMap(({ sync }) => (sync ? [[sync.id, sync] as const] : []))).values()];
  const sum = (name: "added" | "removed" | "flex_calls") =>
    syncs.reduce((total, sync) => total + sync[name], 0);
  const longest = Math.max(...syncs.map(({ seconds }) => Number(seconds ?? 0)), 0);
  const parts = [...conditions].map(([condition, count]) => `${count} ${paintCondition(condition, colour)}`);
  return [
    `${states.length} crew calls: ${parts.join(", ")}`,
    `${sum("added")} added, ${sum("removed")} removed`,
    calls(sum("flex_calls")),
    inSeconds(longest),
  ].join(" · ");
}

function inWords(condition: string, reason: string): string {
  return `${reasonInWords(condition, reason)} (${reason})`;
}

function calls(count: number): string {
  return `${count} Flex call${count === 1 ? "" : "s"}`;
}

function inSeconds(seconds: number | string): string {
  return `${Number(seconds).toFixed(1)} s`;
}
