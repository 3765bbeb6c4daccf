-- note_decisions(flex_element_id, plan, sync_id, reading_at)
--
-- Remember what a plan decided that the plan before it had not, for flex_sync.history: who is to be added, who is
-- unmapped, what is held and why. A plan that decides nothing new writes nothing; what merely stays as it is, and what
-- an operation in flight or refused already tells, is no decision.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              plan              rows of plan_element
--              sync_id           the sync that planned
--              reading_at        beginning of the reading that the plan was made from; null is a preview
-- Reads        last_decisions
-- Writes       decisions, last_decisions
create or replace function flex_sync.note_decisions(
  flex_element_id text,
  plan flex_sync.planned[],
  sync_id bigint,
  reading_at timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_before constant jsonb := coalesce((
    select last_decisions.decisions from last_decisions where last_decisions.flex_element_id = note_decisions.flex_element_id
  ), '{}');
  v_decided constant text[] := array['add', 'confirm', 'contest', 'unmapped', 'remove', 'hold', 'report', 'set_role'];
  v_after jsonb;
begin
  with
  said as (
    select
      concat_ws(' ',
        case when planned.action in ('remove', 'hold', 'report') then 'line' when planned.action in ('set_role', 'wait_role') then 'role' else 'person' end,
        planned.crew_call_id,
        case when planned.action in ('remove', 'hold', 'report') then planned.flex_line_item_id else planned.technician_id::text end
      ) as key,
      case when planned.action = any (v_decided) then to_jsonb(array[planned.action, planned.reason, planned.brake, planned.flex_role_id]) end as decided
    from unnest(note_decisions.plan) as planned
    where planned.action <> 'keep'
  )
  -- Whoever waits is where the last decision left them.
  select coalesce(jsonb_object_agg(said.key, coalesce(said.decided, v_before -> said.key)) filter (where said.decided is not null or v_before ? said.key), '{}')
  into v_after
  from said;
  if v_after = v_before then
    return;
  end if;

  insert into decisions (decided_at, flex_element_id, crew_call_id, technician_id, flex_resource_id, flex_line_item_id, flex_role_id,
    decision, reason, brake, sync_id, reading_at)
  select v_now, note_decisions.flex_element_id, planned.crew_call_id, planned.technician_id, planned.flex_resource_id, planned.flex_line_item_id,
    planned.flex_role_id, planned.action, planned.reason, planned.brake, note_decisions.sync_id, note_decisions.reading_at
  from unnest(note_decisions.plan) as planned
  where planned.action = any (v_decided)
    and to_jsonb(array[planned.action, planned.reason, planned.brake, planned.flex_role_id]) is distinct from v_before -> concat_ws(' ',
      case when planned.action in ('remove', 'hold', 'report') then 'line' when planned.action = 'set_role' then 'role' else 'person' end,
      planned.crew_call_id,
      case when planned.action in ('remove', 'hold', 'report') then planned.flex_line_item_id else planned.technician_id::text end
    );

  -- What had to wait for somebody, and does no longer.
  insert into decisions (decided_at, flex_element_id, crew_call_id, technician_id, flex_line_item_id, decision, sync_id, reading_at)
  select v_now, note_decisions.flex_element_id, over.crew_call_id,
    case when over.of = 'person' then over.subject::uuid end,
    case when over.of = 'line' then over.subject end,
    case
      when over.of = 'line' then 'released'
      when kept.technician_id is not null then 'keep'
      else 'drop'
    end,
    note_decisions.sync_id, note_decisions.reading_at
  from (
    select split_part(before.key, ' ', 1) as of, split_part(before.key, ' ', 2)::uuid as crew_call_id, split_part(before.key, ' ', 3) as subject
    from jsonb_each(v_before) as before
    where not v_after ? before.key
      and before.value ->> 0 in ('confirm', 'contest', 'unmapped', 'hold')
  ) as over
  left join (
    select distinct planned.crew_call_id, planned.technician_id from unnest(note_decisions.plan) as planned where planned.action = 'keep'
  ) as kept on kept.crew_call_id = over.crew_call_id and over.of = 'person' and kept.technician_id::text = over.subject;

  insert into last_decisions (flex_element_id, decisions)
  values (note_decisions.flex_element_id, v_after)
  on conflict on constraint last_decisions_pkey do update
  set decisions = excluded.decisions;
end
$$;
comment on function flex_sync.note_decisions(text, flex_sync.planned[], bigint, timestamptz) is 'Remembers what a plan decided that the one before had not, for the history.';
