-- request_sync(crew_call_id, flex_element_id, requested_by, allow_mass_removal)
--
-- Find the sync that still waits for its reading, or open one. Whoever joins calls join_sync as the last step of its
-- transaction: everything that locks operations and syncs locks the operations first.
--
-- Parameters   crew_call_id, flex_element_id      normalised; the caller holds the element's lock
--              requested_by, allow_mass_removal   as in sync_crew_call
-- Returns      sync_id, and joined: whether it was there already
-- Reads        syncs, elements
-- Writes       syncs, elements; locks the pending observe, so that its reading does not begin before we commit
create or replace function flex_sync.request_sync(
  crew_call_id uuid,
  flex_element_id text,
  requested_by text,
  allow_mass_removal boolean,
  out sync_id bigint,
  out joined boolean
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now timestamptz;
begin
  perform from outbox
  where outbox.flex_element_id = request_sync.flex_element_id
    and outbox.kind = 'observe'
    and outbox.state = 'pending'
  for update;

  v_now := clock();
  perform know_element(request_sync.flex_element_id);

  -- The newest sync still waits if no reading for it is recorded or in flight. Beside an older one that is not finished
  -- it waits again, whatever it has: one active and one waiting, never three.
  select syncs.id into request_sync.sync_id
  from syncs
  join elements on elements.flex_element_id = syncs.flex_element_id
  where syncs.flex_element_id = request_sync.flex_element_id
    and syncs.finished_at is null
    and (
      -- Joined after its reading began: that one is not for it any more.
      syncs.reading_at is null
      or exists (
        select from syncs as older
        where older.flex_element_id = request_sync.flex_element_id
          and older.finished_at is null
          and older.id < syncs.id
      )
      or (
        syncs.reading_at > coalesce(elements.reading_at, '-infinity')
        and not exists (
          select from outbox
          where outbox.flex_element_id = request_sync.flex_element_id
            and outbox.kind = 'observe'
            and outbox.state = 'sending'
            and outbox.sync_id = syncs.id
        )
      )
    )
  -- Only one row may wait without a reading: where readings failed, several syncs wait, and that one is joined.
  order by syncs.reading_at is null desc, syncs.id desc
  limit 1;
  request_sync.joined := request_sync.sync_id is not null;

  if not request_sync.joined then
    insert into syncs (crew_call_id, flex_element_id, requested_by, requested_at, last_requested_at, allow_mass_removal)
    values (request_sync.crew_call_id, request_sync.flex_element_id, request_sync.requested_by, v_now, v_now, request_sync.allow_mass_removal)
    returning syncs.id into request_sync.sync_id;
  end if;
end
$$;
comment on function flex_sync.request_sync(uuid, text, text, boolean) is 'Finds the sync that still waits for its reading, or opens one.';
