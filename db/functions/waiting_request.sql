-- waiting_request(flex_element_id)
--
-- The sync that waits for a reading of an element, where the reading can be made now and nothing else needs one as much.
-- It is what next_reading says then, for a fraction of the time; whatever is out of the ordinary it leaves to the rest of
-- next_reading and answers null.
--
-- Parameters   flex_element_id   normalised
-- Returns      syncs.id, or null
-- Reads        syncs, elements, element_health, outbox, calls, missing_lines
create or replace function flex_sync.waiting_request(flex_element_id text)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
begin
  return (
    select syncs.id
    from syncs
    where syncs.flex_element_id = waiting_request.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at is null
      and not exists (
        select from syncs as active
        where active.flex_element_id = waiting_request.flex_element_id and active.finished_at is null and active.reading_at is not null
      )
      and not exists (
        select from elements
        where elements.flex_element_id = waiting_request.flex_element_id
          and elements.reading_wanted_at >= coalesce(elements.reading_at, '-infinity')
      )
      and not exists (
        select from element_health
        where element_health.flex_element_id = waiting_request.flex_element_id and element_health.backoff_until > v_now
      )
      -- Its reading in flight, an unanswered write, or a write whose reading may be too old to send it on.
      and not exists (
        select from outbox
        where outbox.flex_element_id = waiting_request.flex_element_id
          and outbox.state in ('pending', 'sending', 'unknown')
          and case outbox.kind
            when 'observe' then outbox.state = 'sending' and outbox.sync_id = syncs.id
            else outbox.state = 'unknown' or (outbox.state = 'pending' and outbox.reading_at is not null)
          end
      )
      and not exists (
        select from calls
        where calls.flex_element_id = waiting_request.flex_element_id and calls.unanswered and calls.late_checked_at is null
      )
      and not exists (select from missing_lines where missing_lines.flex_element_id = waiting_request.flex_element_id)
  );
end
$$;
comment on function flex_sync.waiting_request(text) is 'The sync that waits for a reading which can be made now and that nothing else needs as much; null where there is more to say.';
