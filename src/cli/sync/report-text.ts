import { reasonInWords, reasonOfCall } from "../../reason-in-words.ts";
import { named } from "../names.ts";
import type { Paint } from "../terminal/paint.ts";
import { paintCondition } from "../terminal/paint-condition.ts";
import { printable } from "../terminal/text.ts";
import { asDocument, type Person } from "./report-document.ts";
import type { SyncState } from "./state.ts";
import { labelOf } from "./wait-text.ts";

/** More people than this are counted and not named. */
const MOST_NAMED = 20;

/** What became of one crew call, in words. */
export function asText(state: SyncState, people: Person[], colour: Paint): string[] {
  const document = asDocument(state, people);
  const head = `${labelOf(state)}: ${paintCondition(document.condition, colour)}`;
  if (!("sync_id" in document)) return [head, `  next: ${document.next_action}`];
  const { condition, reason, next_action, seconds, flex_calls } = document;
  const shown = people.slice(0, MOST_NAMED).map((person) => {
    const who = person.technician_id
      ? `person ${printable(named(person.name, person.technician_id))}`
      : `line ${person.flex_line_item_id}`;
    return `  ${who} ${person.condition}${person.reason ? `: ${inWords(person.condition, person.reason)}` : ""}`;
  });
  // Held removals are approved together, and the crew call's action names their plan.
  // Of the unmapped one action will do: the first of them, if the crew call's own is about something else.
  const unmapped = people.find((person) => condition !== "unmapped" && person.condition === "unmapped");
  const others = people.filter(
    (person) => person === unmapped || !["held", "unmapped"].includes(person.condition),
  );
  const actions = new Set([next_action, ...others.map((person) => person.next_action)]);
  return [
    `${head}${reason ? `, ${reasonOfCall(condition, reason)} (${reason})` : ""}`,
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
export function summary(states: SyncState[], colour: Paint): string {
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
