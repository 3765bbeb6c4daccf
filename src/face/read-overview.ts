import type { TransactionSql } from "postgres";
import type { Condition, CrewCallStatusRow } from "../rows.ts";
import type { Entry } from "./directory.ts";
import { readWorkState, type WorkState } from "./read-work-state.ts";

export type SyncRow = {
  id: string;
  crew_call_id: string;
  requested_by: string | null;
  requested_at: Date;
  finished_at: Date | null;
  outcome: string | null;
  added: number;
  removed: number;
  roles_set: number;
  failed: number;
  flex_calls: number;
  seconds: number | null;
};

export type Budget = { hourly: number; daily: number; monthly: number; frees_at: Date | null };

/** What the first page shows beside the crew calls. */
export type Overview = { state: WorkState; budget: Budget; syncs: SyncRow[]; at: Date };

const RECENT_SYNCS = 8;

export async function readOverview(sql: TransactionSql): Promise<Overview> {
  const state = await readWorkState(sql);
  const [budget] = await sql<(Budget & { at: Date })[]>`
    select hourly::int, daily::int, monthly::int,
      case when isfinite(frees_at) then frees_at end as frees_at,
      flex_sync.clock() as at
    from flex_sync.calls_left()`;
  if (!budget) throw new Error("flex_sync.calls_left answered no row");
  const { at, ...left } = budget;
  return { state, budget: left, syncs: await readSyncs(sql, null, RECENT_SYNCS), at };
}

/** The last syncs, of one element or of all. */
export async function readSyncs(
  sql: TransactionSql,
  element: string | null,
  most: number,
): Promise<SyncRow[]> {
  const rows = await sql<SyncRow[]>`
    select id::text, crew_call_id, requested_by, requested_at, finished_at, outcome, added, removed, roles_set, failed,
      flex_calls, extract(epoch from duration)::float8 as seconds
    from flex_sync.syncs
    where ${element === null ? sql`true` : sql`flex_element_id = ${element}`}
    order by syncs.id desc -- the number, not its text
    limit ${most}`;
  return [...rows];
}

/** What the view lists first, of one condition or of all. */
export async function readHead(
  sql: TransactionSql,
  condition: Condition | null,
  most: number,
): Promise<CrewCallStatusRow[]> {
  const rows = await sql<CrewCallStatusRow[]>`
    select crew_call_id, job_id, department, flex_element_id, condition, reason, desired::int, recorded::int, observed::int,
      pending::int, unknown::int, held::int, failed::int, plan, observed_at, last_sync_at, next_action
    from flex_sync.crew_call_status
    where ${condition === null ? sql`true` : sql`condition = ${condition}`}
    limit ${most}`;
  return [...rows];
}

/** How the crew calls of a list stand now, in its order. */
export async function readRows(sql: TransactionSql, entries: readonly Entry[]): Promise<CrewCallStatusRow[]> {
  if (entries.length === 0) return [];
  const ids = entries.map(({ crew_call_id }) => crew_call_id).join(",");
  const rows = await sql<CrewCallStatusRow[]>`
    select crew_call_id, job_id, department, flex_element_id, condition, reason, desired::int, recorded::int, observed::int,
      pending::int, unknown::int, held::int, failed::int, plan, observed_at, last_sync_at, next_action
    from flex_sync.crew_call_status
    where crew_call_id = any (string_to_array(${ids}::text, ',')::uuid[])`;
  const found = new Map(rows.map((row) => [keyOf(row), row]));
  return entries.flatMap((entry) => found.get(keyOf(entry)) ?? []);
}

/** The crew calls that somebody may mean: by the id of the crew call, of its job or of its element. */
export async function findCrewCalls(sql: TransactionSql, id: string): Promise<Entry[]> {
  const rows = await sql<Entry[]>`
    select crew_call_id, flex_element_id, condition
    from flex_sync.crew_call_status
    where crew_call_id = ${id}::uuid or job_id = ${id}::uuid or flex_element_id = ${id}::text
    limit 50`;
  return [...rows];
}

function keyOf({ crew_call_id, flex_element_id }: Omit<Entry, "condition">): string {
  return `${crew_call_id} ${flex_element_id ?? ""}`;
}
