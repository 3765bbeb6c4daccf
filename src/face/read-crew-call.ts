import type { TransactionSql } from "postgres";
import type { CrewCallStatusRow, CrewStatusRow } from "../rows.ts";
import { readSyncs, type SyncRow } from "./read-overview.ts";

/** One person, or a line that nobody is known for. */
export type PersonRow = CrewStatusRow & {
  /** What the host calls them, or else Flex, on this element or another one. */
  name: string | null;
  /** What Flex answered to the operation that failed or is unanswered. */
  error: string | null;
  http_status: number | null;
};

/** A removal that waits for a person. */
export type HeldRow = {
  flex_line_item_id: string;
  technician_id: string | null;
  reason: string;
  brake: string;
  name: string | null;
};

/** A crew call, and what is on its element. */
export type CrewCallPage = {
  crewCall: CrewCallStatusRow;
  persons: PersonRow[];
  held: HeldRow[];
  /** What keeps it from being read, written or recorded, as it was said. */
  problems: string[];
  syncs: SyncRow[];
  at: Date;
};

const MOST_PERSONS = 500;
const RECENT_SYNCS = 6;

/** Null for a crew call that there is not. */
export async function readCrewCall(sql: TransactionSql, id: string): Promise<CrewCallPage | null> {
  const [found] = await sql<(CrewCallStatusRow & { at: Date })[]>`
    select crew_call_id, job_id, department, flex_element_id, condition, reason, desired::int, recorded::int, observed::int,
      pending::int, unknown::int, held::int, failed::int, plan, observed_at, last_sync_at, next_action, flex_sync.clock() as at
    from flex_sync.crew_call_status
    where crew_call_id = ${id}::uuid
    order by flex_element_id is null, department is null
    limit 1`;
  if (!found) return null;
  const { at, ...crewCall } = found;
  const element = crewCall.flex_element_id;
  return {
    crewCall,
    persons: await readPersons(sql, id, element),
    held: await readHeld(sql, id, element),
    problems: await readProblems(sql, id, element),
    syncs: element === null ? [] : await readSyncs(sql, element, RECENT_SYNCS),
    at,
  };
}

async function readPersons(sql: TransactionSql, id: string, element: string | null): Promise<PersonRow[]> {
  // name_of answers the name, if the host has one, and the id.
  const rows = await sql<PersonRow[]>`
    select person.crew_call_id, person.technician_id, person.flex_resource_id, person.desired, person.flex_line_item_id,
      person.observed_line_item_id, person.role_code, person.observed_role, person.operation_id::text, person.condition,
      person.reason, person.since, person.next_action, outbox.error, outbox.http_status,
      nullif(replace(flex_sync.name_of(person.technician_id), person.technician_id::text, ''), '') as name
    from flex_sync.crew_status as person
    left join flex_sync.outbox on outbox.id = person.operation_id
    where person.crew_call_id = ${id}::uuid
    limit ${MOST_PERSONS}`;
  const ids = (column: "flex_resource_id" | "observed_line_item_id") =>
    rows.flatMap((row) => row[column] ?? []).join(",");
  const names = await sql<{ key: string; name: string }[]>`
    select distinct on (lines.flex_resource_id) lines.flex_resource_id as key, lines.name
    from flex_sync.lines
    where lines.flex_resource_id = any (string_to_array(${ids("flex_resource_id")}::text, ','))
      and lines.name is not null
    order by lines.flex_resource_id, lines.flex_element_id = ${element}::text desc nulls last, lines.last_seen_at desc nulls last`;
  const lines = await sql<{ key: string; name: string }[]>`
    select lines.flex_line_item_id as key, lines.name
    from flex_sync.lines
    where lines.flex_element_id = ${element}::text
      and lines.flex_line_item_id = any (string_to_array(${ids("observed_line_item_id")}::text, ','))
      and lines.name is not null`;
  const known = new Map([...names, ...lines].map(({ key, name }) => [key, name]));
  return rows.map((row) => ({
    ...row,
    name:
      row.name?.trim() ||
      (known.get(row.observed_line_item_id ?? "") ?? known.get(row.flex_resource_id ?? "") ?? null),
  }));
}

async function readHeld(sql: TransactionSql, id: string, element: string | null): Promise<HeldRow[]> {
  const rows = await sql<HeldRow[]>`
    select outbox.flex_line_item_id, outbox.technician_id, outbox.reason, outbox.brake,
      coalesce(lines.name, nullif(btrim(replace(flex_sync.name_of(outbox.technician_id), outbox.technician_id::text, '')), '')) as name
    from flex_sync.outbox
    left join flex_sync.lines
      on lines.flex_element_id = outbox.flex_element_id and lines.flex_line_item_id = outbox.flex_line_item_id
    where outbox.flex_element_id = ${element}::text
      and outbox.crew_call_id = ${id}::uuid
      and outbox.state = 'held'
    order by lines.name nulls last, outbox.flex_line_item_id
    limit ${MOST_PERSONS}`;
  return [...rows];
}

async function readProblems(sql: TransactionSql, id: string, element: string | null): Promise<string[]> {
  const rows = await sql<{ problem: string }[]>`
    select elements.blocked_error as problem from flex_sync.elements where elements.flex_element_id = ${element}::text
    union all
    select elements.doubt_error from flex_sync.elements where elements.flex_element_id = ${element}::text
    union all
    select crew_call_blocks.error from flex_sync.crew_call_blocks where crew_call_blocks.crew_call_id = ${id}::uuid`;
  return [...new Set(rows.map(({ problem }) => problem).filter(Boolean))];
}
