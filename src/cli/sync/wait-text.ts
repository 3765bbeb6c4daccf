import type { SyncState } from "./state.ts";
import type { Watched } from "./wait.ts";

/** After so long without a claim somebody is told that no drainer seems to run. */
const STALLED_MS = 10_000;

/** What the wait is for, in one line: which crew call, why, and what a person could do. */
export function describeWait({ states, open, busy, stalledMs }: Watched): string {
  const [first, ...others] = open as [SyncState, ...SyncState[]];
  const { status, work } = first;
  const ended = states.length - open.length;
  const count = states.length > 1 ? `${ended} of ${states.length} crew calls done, ` : "";
  const steps = work ? `, ${work.ended} of ${work.total} operations done` : "";
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  const reason = status?.reason ? ` (${status.reason})` : "";
  const what = `${count}waiting for ${labelOf(first, 8)}: ${status?.condition}${reason}${steps}${more}`;
  const advice = adviceFor(first, busy, stalledMs);
  return advice ? `${what}. ${advice}` : what;
}

function adviceFor({ status, work }: SyncState, busy: boolean, stalledMs: number): string | null {
  const queued = status?.reason === "queued" || status?.reason === "requested";
  if (!queued)
    return status?.reason === "sending" || status?.reason === "confirming"
      ? null
      : (status?.next_action ?? null);
  if (stalledMs < STALLED_MS || work?.due !== true) return null;
  const seconds = Math.floor(stalledMs / 1000);
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
