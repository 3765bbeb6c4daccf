import type { Sql } from "postgres";

/** As much of what `sync_crew_for_job` answers for a department as is used here. */
export type Answered = {
  condition: string;
  crew_call_id?: string;
  flex_element_id?: string | null;
  sync_id?: number | null;
  unmapped?: unknown[];
};

/** What became of one crew call, as far as it is known now. */
type Outcome = {
  condition: string;
  reason: string | null;
  next_action: string | null;
  desired: number;
  held: number;
  finished: boolean;
  stale: number;
  kept: number;
  added: number;
  removed: number;
  to_remove: number;
  roles_set: number;
  line_count: number;
  failures: { kind: string; technician_id: string | null; state: string; why: string }[];
};

export async function answerOf(sql: Sql, plan: Answered): Promise<Outcome | undefined> {
  if (!plan.crew_call_id) return undefined;
  const [outcome] = await sql<Outcome[]>`
    select
      status.condition, status.reason, status.next_action, status.desired::int, status.held::int,
      syncs.finished_at is not null or syncs.id is null as finished,
      coalesce(syncs.stale, 0) as stale, coalesce(syncs.kept, 0) as kept,
      done.added, done.removed, done.to_remove, done.roles_set, done.failures,
      coalesce((
        select readings.line_count from flex_sync.readings
        where readings.flex_element_id = status.flex_element_id
        order by readings.id desc limit 1
      ), 0)::int as line_count
    from flex_sync.crew_call_status as status
    left join flex_sync.syncs on syncs.id = ${plan.sync_id ?? null}::bigint
    cross join lateral (
      select
        count(*) filter (where kind = 'add' and state = 'done')::int as added,
        count(*) filter (where kind = 'remove' and state = 'done')::int as removed,
        count(*) filter (where kind = 'remove' and state <> 'cancelled')::int as to_remove,
        count(*) filter (where kind = 'set_role' and state = 'done')::int as roles_set,
        coalesce(jsonb_agg(jsonb_build_object(
          'kind', kind, 'technician_id', technician_id, 'state', state, 'why', coalesce(error, reason, 'no reason was told')
        ) order by id) filter (where state in ('failed', 'unknown')), '[]') as failures
      from flex_sync.outbox
      where outbox.sync_id = syncs.id
    ) as done
    where status.crew_call_id = ${plan.crew_call_id}::uuid
    -- A crew call that points elsewhere now has a second row, for the element that is cleaned up.
    order by status.flex_element_id = ${plan.flex_element_id ?? null} desc nulls last
    limit 1`;
  return outcome;
}

const VERBS: Record<string, string> = { add: "Add", remove: "Removal", set_role: "Role", observe: "Reading" };

/** The old function's summary of a department, and the condition behind it. Crew calls that share an element share numbers. */
export function summaryOf(plan: Answered, recorded: number, outcome: Outcome | undefined): object {
  if (!outcome) return { note: "no crew call mapping", condition: plan.condition };
  const told = (failure: Outcome["failures"][number]) =>
    `${VERBS[failure.kind]} ${failure.state === "failed" ? "failed" : "is not certain"}${
      failure.technician_id ? ` for tech ${failure.technician_id}` : ""
    }: ${failure.why}`;
  const failed = outcome.failures.filter(({ state }) => state === "failed");
  const roles = outcome.failures.filter(({ kind }) => kind === "set_role").map(told);
  const errors = failed.filter(({ kind }) => kind !== "set_role").map(told);
  if (outcome.condition === "blocked") errors.push(`blocked, ${outcome.reason}: ${outcome.next_action}`);
  const unmapped = plan.unmapped?.length ?? 0;
  return {
    added: outcome.added,
    removed: outcome.removed,
    kept: outcome.kept,
    rolesSet: outcome.roles_set,
    failedAdds: failed.filter(({ kind }) => kind === "add").length,
    desired_count: outcome.desired - unmapped,
    current_count: recorded - outcome.stale,
    scanned_items: outcome.line_count,
    planned_delete_count: outcome.to_remove,
    ...(roles.length > 0 ? { business_role_diagnostics: roles } : {}),
    ...(errors.length > 0 ? { errors } : {}),
    ...noteOf(outcome, unmapped),
    condition: outcome.condition,
    reason: outcome.reason,
    next_action: outcome.next_action,
  };
}

/** Buttons show a note instead of the numbers, so it repeats them. */
function noteOf(outcome: Outcome, unmapped: number): { note?: string } {
  const { added, removed, kept, condition, reason, held } = outcome;
  const words: Record<string, string> = {
    paused: "paused, nothing is sent to Flex",
    held: `${held} to be removed wait for somebody's yes`,
    unknown: "not certain yet, Flex is read again",
    pending: `still working${reason ? ` (${reason})` : ""}`,
    unmapped: `${unmapped} without a usable Flex contact id`,
  };
  const word = words[condition];
  return word ? { note: `+${added} −${removed} =${kept}, ${word}` } : {};
}
