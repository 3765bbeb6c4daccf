-- finish_sync(sync_id)
--
-- Close a sync that has nothing pending or in flight any more, and let the waiting one's reading go.
-- The sync's row is locked before its operations are counted: of two records that end its last two operations, the
-- second to come sees both.
--
-- Parameters   sync_id   syncs.id; null does nothing
-- Reads        outbox, calls, elements, state_of_crew_call, crew_calls
-- Writes       syncs, due_elements; NOTIFY flex_sync_done with the sync's id
create or replace function flex_sync.finish_sync(sync_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_sync record;
begin
  select syncs.id, syncs.crew_call_id, syncs.flex_element_id, syncs.reading_at into v_sync
  from syncs
  where syncs.id = finish_sync.sync_id
    -- "is null", said so that the id finds the row: the index of open syncs has entries of all that ever were, under an old snapshot.
    and coalesce(syncs.finished_at, 'infinity') = 'infinity'
  for update;
  -- A sync that waits for a good reading goes on waiting, unless nothing can be read.
  if not found or not exists (
    select from elements
    where elements.flex_element_id = v_sync.flex_element_id
      and (elements.reading_at >= v_sync.reading_at or elements.blocked_reason is not null)
  ) or exists (
    select from outbox
    where outbox.sync_id = v_sync.id
      and outbox.state in ('pending', 'sending')
  ) then
    return;
  end if;

  update syncs
  set
    finished_at = clock(),
    added = done.added,
    removed = done.removed,
    roles_set = done.roles_set,
    failed = done.failed,
    flex_calls = (select count(*) from calls where calls.sync_id = v_sync.id)
  from (
    select
      count(*) filter (where outbox.kind = 'add' and outbox.state = 'done') as added,
      count(*) filter (where outbox.kind = 'remove' and outbox.state = 'done') as removed,
      count(*) filter (where outbox.kind = 'set_role' and outbox.state = 'done') as roles_set,
      count(*) filter (where outbox.state = 'failed') as failed
    from outbox
    where outbox.sync_id = v_sync.id
  ) as done
  where syncs.id = v_sync.id;

  update syncs
  set outcome = case when exists (
    select from elements where elements.flex_element_id = v_sync.flex_element_id and elements.blocked_reason is not null
  ) then 'blocked' else (
    select state.condition
    from state_of_crew_call(v_sync.crew_call_id, v_sync.flex_element_id, not exists (
      select from crew_calls where crew_calls.id = v_sync.crew_call_id and crew_calls.flex_element_id = v_sync.flex_element_id
    )) as state
  ) end
  where syncs.id = v_sync.id;

  perform pg_notify('flex_sync_done', v_sync.id::text);
  if exists (select from syncs where syncs.flex_element_id = v_sync.flex_element_id and syncs.finished_at is null) then
    perform note_element(v_sync.flex_element_id, 'a waiting sync may go on', false);
  end if;
end
$$;
comment on function flex_sync.finish_sync(bigint) is 'Closes a sync that has nothing pending or in flight any more, and lets the waiting one go on.';
