-- queue_reading(flex_element_id)
--
-- Keep the one pending observe of an element as next_reading wants it: inserted, moved, or cancelled.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock (who must not wait for it calls note_element)
-- Reads        next_reading
-- Writes       outbox, syncs
create or replace function flex_sync.queue_reading(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_need record;
  v_call record;
  v_sync_before bigint;
begin
  if not is_flex_id(queue_reading.flex_element_id) then
    return;
  end if;
  select outbox.sync_id into v_sync_before
  from outbox
  where outbox.flex_element_id = queue_reading.flex_element_id
    and outbox.kind = 'observe'
    and outbox.state = 'pending';
  select next_reading.* into v_need from next_reading(queue_reading.flex_element_id);
  v_now := clock();

  if v_need.due_at is null then
    update outbox
    set state = 'cancelled', finished_at = v_now
    where outbox.flex_element_id = queue_reading.flex_element_id
      and outbox.kind = 'observe'
      and outbox.state = 'pending';
    perform finish_sync(v_sync_before);
    return;
  end if;

  select coalesce(syncs.crew_call_id, elements.crew_call_id) as id into v_call
  from (select queue_reading.flex_element_id as id) as this
  left join elements on elements.flex_element_id = this.id
  left join syncs on syncs.id = v_need.sync_id;

  insert into outbox (sync_id, crew_call_id, flex_element_id, kind, reason, due_at, created_at, priority)
  values (v_need.sync_id, v_call.id, queue_reading.flex_element_id, 'observe', v_need.reason, v_need.due_at, v_now, v_need.priority)
  on conflict (flex_element_id) where kind = 'observe' and state = 'pending'
  do update set
    sync_id = excluded.sync_id,
    due_at = excluded.due_at,
    reason = excluded.reason,
    priority = excluded.priority,
    crew_call_id = excluded.crew_call_id
  -- What is due already keeps its place, however often it is asked for.
  where (outbox.sync_id, outbox.reason, outbox.priority, outbox.crew_call_id, greatest(outbox.due_at, v_now))
    is distinct from (excluded.sync_id, excluded.reason, excluded.priority, excluded.crew_call_id, greatest(excluded.due_at, v_now));
  if v_sync_before is not null and v_sync_before is distinct from v_need.sync_id then
    perform finish_sync(v_sync_before);
  end if;
end
$$;
comment on function flex_sync.queue_reading(text) is 'Keeps the one pending observe of an element as next_reading wants it.';
