import type { Sql } from "postgres";
import type { CrewCallStatusRow } from "../../rows.ts";
import type { Requested } from "./request.ts";

/** A row of `flex_sync.syncs`, as JSON has it. */
export type SyncRow = {
  id: number;
  finished_at: string | null;
  outcome: string | null;
  stale: number;
  added: number;
  removed: number;
  kept: number;
  roles_set: number;
  failed: number;
  flex_calls: number;
  seconds: number | null;
};

/** What a sync has in the outbox. */
type Work = { sync_id: number; total: number; ended: number; due: boolean; trace: string };

/** Where one requested crew call stands. */
export type SyncState = {
  requested: Requested;
  /** Undefined when the crew call is gone, or is none. */
  status: CrewCallStatusRow | undefined;
  sync: SyncRow | undefined;
  work: Work | undefined;
};

export type SyncStates = {
  states: SyncState[] /** Whether any drainer has a call in flight. */;
  busy: boolean;
};

/** Where all requested crew calls stand, in one reading of the database. */
export async function readSyncStates(sql: Sql, requested: Requested[]): Promise<SyncStates> {
  const plans = requested.flatMap(({ plan }) => (plan ? [plan] : []));
  const ids = plans.map(({ crew_call_id }) => crew_call_id);
  const syncIds = plans.map(({ sync_id }) => sync_id).filter((id) => id !== null);
  const [row] = await sql<
    { statuses: CrewCallStatusRow[] | null; syncs: SyncRow[] | null; work: Work[] | null; busy: boolean }[]
  >`
    select
      (select json_agg(status) from flex_sync.crew_call_status as status where status.crew_call_id = any (${ids}::uuid[])) as statuses,
      (
        select json_agg(json_build_object('id', id, 'finished_at', finished_at, 'outcome', outcome, 'stale', stale, 'added', added,
          'removed', removed, 'kept', kept, 'roles_set', roles_set, 'failed', failed, 'flex_calls', flex_calls,
          'seconds', extract(epoch from duration)))
        from flex_sync.syncs where id = any (${syncIds}::bigint[])
      ) as syncs,
      (
        select json_agg(work) from (
          select sync_id, count(*) as total, count(*) filter (where state not in ('pending', 'sending')) as ended,
            bool_or(state = 'pending' and due_at <= flex_sync.clock()) as due,
            md5(string_agg(id || state || attempts || coalesce(sent_at::text, ''), ',' order by id)) as trace
          from flex_sync.outbox where sync_id = any (${syncIds}::bigint[])
          group by sync_id
        ) as work
      ) as work,
      exists (select from flex_sync.outbox where state = 'sending') as busy`;
  const { statuses, syncs, work, busy = false } = row ?? {};
  const states = requested.map((one): SyncState => {
    const { plan } = one;
    const same = (statuses ?? []).filter(({ crew_call_id }) => crew_call_id === plan?.crew_call_id);
    return {
      requested: one,
      // A crew call that was pointed elsewhere has a second row for what is left on its old element.
      status: same.find(({ flex_element_id }) => flex_element_id === plan?.flex_element_id) ?? same[0],
      sync: syncs?.find(({ id }) => id === plan?.sync_id),
      work: work?.find(({ sync_id }) => sync_id === plan?.sync_id),
    };
  });
  return { states, busy };
}
