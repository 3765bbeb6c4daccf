import type { CrewStatusRow } from "../../rows.ts";
import { noCrewCall } from "./dry-run.ts";
import type { SyncState } from "./state.ts";

/** Somebody who is not in sync. */
export type Person = Pick<
  CrewStatusRow,
  "crew_call_id" | "technician_id" | "condition" | "reason" | "next_action"
> & {
  /** What the host calls them. */ name: string | null;
  flex_line_item_id: string | null;
};

/** What became of one crew call, as JSON. */
export function asDocument({ requested, status, sync }: SyncState, people: Person[]) {
  if (!requested.plan) return noCrewCall(requested);
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
