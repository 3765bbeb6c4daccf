import { reasonInWords } from "../../reason-in-words.ts";
import type { Share } from "../terminal/progress.ts";
import type { SyncState } from "./state.ts";
import type { Watched } from "./wait.ts";

/** After so long without a claim somebody is told that no drainer seems to run. */
const STALLED_MS = 10_000;

/** Reasons that pass by themselves and that the words say all about. */
const PASSING = ["sending", "confirming", "requested", "queued", "backing_off"];

/** What the wait is for, in one line: which crew call, why, and what a person could do. */
export function describeWait({ states, open, busy, stalledMs }: Watched): string {
  const [first, ...others] = open as [SyncState, ...SyncState[]];
  const { status } = first;
  const ended = states.length - open.length;
  const count = states.length > 1 ? `${ended} of ${states.length} crew calls done, ` : "";
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  const { condition = "gone", reason = null } = status ?? {};
  const words = reasonInWords(condition, reason);
  const why = reason ? `${condition}, ${words} (${reason})` : condition;
  const advice = adviceFor(first, busy, stalledMs);
  const what = `${count}waiting for ${labelOf(first, 8)}: ${why}${more}`;
  return advice ? `${what}. ${advice}` : what;
}

/** How many operations are done of those that are known; people of several crew calls may be in one sync. */
export function shareOf({ states }: Watched): Share {
  const works = new Map(states.flatMap(({ work }) => (work ? [[work.sync_id, work] as const] : [])));
  const sum = (which: "ended" | "total") =>
    [...works.values()].reduce((total, work) => total + Number(work[which]), 0);
  return { done: sum("ended"), total: sum("total") };
}

function adviceFor({ status, work }: SyncState, busy: boolean, stalledMs: number): string | null {
  const { reason = null, next_action = null } = status ?? {};
  const queued = reason === "queued" || reason === "requested";
  if (!queued) return reason !== null && PASSING.includes(reason) ? null : next_action;
  if (stalledMs < STALLED_MS || work?.due !== true) return null;
  // In steps, so that a log does not get a line each second.
  const seconds = (Math.floor(stalledMs / STALLED_MS) * STALLED_MS) / 1000;
  return busy
    ? `Drainers are busy with other crew calls: nothing of this one was claimed for ${seconds} s`
    : `No drainer seems to run: nothing was claimed for ${seconds} s. Start one: flex-crew-sync drain`;
}

/** A crew call in few words: its department, and its id or the beginning of it. */
export function labelOf({ requested, status }: SyncState, letters?: number): string {
  const department = status?.department ?? requested.department;
  const id = requested.plan?.crew_call_id.slice(0, letters) ?? "";
  return [department, id].filter((part) => part).join(" ");
}
