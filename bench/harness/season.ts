import type { Sql } from "postgres";

/** How large a history a measurement is made with. */
export interface Season {
  /** The number of the first crew call; default 1. */
  from?: number;
  crewCalls: number;
  peoplePerCrewCall: number;
  /** Finished operations with their calls, spread over the crew calls and over the 89 days before yesterday. */
  operations: number;
}

/** The crew call of this number, from 1. */
export const seasonCrewCallOf = (number: number): string =>
  `50000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/**
 * Fill an installed database as if every crew call had been synced: crews recorded, seen in a reading, and their
 * operations done. It is written past the triggers, which would queue nothing but take their time.
 */
export async function fillSeason(
  sql: Sql,
  { from = 1, crewCalls, peoplePerCrewCall, operations }: Season,
): Promise<void> {
  const to = from + crewCalls - 1;
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`set local synchronous_commit = off`;
    await tx.unsafe(`
      create or replace function pg_temp.id(family text, number bigint) returns uuid language sql immutable
        as $$ select (family || '-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid $$;
      insert into flex_sync.business_roles values ('sound', 'R', pg_temp.id('40000000', 1)::text) on conflict do nothing;
      insert into jobs (id) select pg_temp.id('10000000', n) from generate_series(${from}, ${to}) n;
      insert into profiles (id, flex_resource_id)
        select pg_temp.id('20000000', n), pg_temp.id('30000000', n)::text from generate_series(1, 5000) n on conflict do nothing;
      insert into flex_crew_calls (id, job_id, department, flex_element_id)
        select pg_temp.id('50000000', n), pg_temp.id('10000000', n), 'sound', pg_temp.id('60000000', n)::text
        from generate_series(${from}, ${to}) n;
      create temporary table crew on commit drop as
        select c, (c * 7 + p) % 5000 + 1 as person, c::bigint * 10000 + p as line
        from generate_series(${from}, ${to}) c, generate_series(1, ${peoplePerCrewCall}) p;
      insert into job_assignments (job_id, technician_id, sound_role)
        select pg_temp.id('10000000', c), pg_temp.id('20000000', person), 'SND-FOH-R' from crew;
      insert into flex_crew_assignments (id, crew_call_id, technician_id, flex_line_item_id, created_at)
        select gen_random_uuid(), pg_temp.id('50000000', c), pg_temp.id('20000000', person), pg_temp.id('70000000', line)::text, now()
        from crew;
      insert into flex_sync.elements (flex_element_id, crew_call_id, job_id, department, reading_at)
        select pg_temp.id('60000000', n)::text, pg_temp.id('50000000', n), pg_temp.id('10000000', n), 'sound', now()
        from generate_series(${from}, ${to}) n;
      insert into flex_sync.ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, entered_at)
        select pg_temp.id('70000000', line)::text, pg_temp.id('60000000', c)::text, pg_temp.id('30000000', person)::text,
          pg_temp.id('50000000', c), pg_temp.id('20000000', person), 'added', now()
        from crew;
      insert into flex_sync.lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, shows_role, flex_role_id,
          present, first_seen_at, last_seen_at)
        select pg_temp.id('60000000', c)::text, pg_temp.id('70000000', line)::text, pg_temp.id('30000000', person)::text, true, true,
          pg_temp.id('40000000', 1)::text, true, now(), now()
        from crew;
      insert into flex_sync.syncs (crew_call_id, flex_element_id, requested_by, requested_at, last_requested_at, reading_at, finished_at, outcome)
        select pg_temp.id('50000000', n), pg_temp.id('60000000', n)::text, 'season', now() - interval '1 min', now() - interval '1 min',
          now(), now(), 'synced'
        from generate_series(${from}, ${to}) n;
      insert into flex_sync.outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, flex_line_item_id, state,
          reason, due_at, created_at, finished_at, call_number)
        select null, pg_temp.id('50000000', n % ${crewCalls} + ${from}), pg_temp.id('60000000', n % ${crewCalls} + ${from})::text,
          pg_temp.id('20000000', n % 5000 + 1), 'add', pg_temp.id('30000000', n % 5000 + 1)::text, pg_temp.id('71000000', n)::text,
          'done', 'desired', at, at, at, n
        from generate_series(1, ${operations}) n, lateral (select now() - interval '89 days' + n * interval '87 days' / ${Math.max(1, operations)} as at) as ended;
      insert into flex_sync.calls (number, made_at, kind, operation_id, flex_element_id, flex_resource_id, flex_line_item_id, attempt, drainer,
          answered_at, outcome, http_status)
        select call_number, finished_at, 'add', id, flex_element_id, flex_resource_id, flex_line_item_id, 1, 'season', finished_at, 'done', 200
        from flex_sync.outbox where state = 'done' and call_number is not null on conflict do nothing;
      update flex_sync.tenant set roles_shown_at = now()`);
  });
  await sql.unsafe("vacuum analyze");
}
