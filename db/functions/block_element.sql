-- block_element(flex_element_id, reason, error)
--
-- Nothing can be done on this element for now: cancel what was not sent, so that its syncs end, and say why.
-- The next sync request tries again, and so does an hourly reading.
--
-- Parameters   flex_element_id   normalised
--              reason            element_gone | access_denied | host_view
--              error             what was seen
-- Writes       elements, outbox, due_elements, decisions
create or replace function flex_sync.block_element(flex_element_id text, reason text, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
begin
  update outbox
  set state = 'cancelled', reason = 'blocked', finished_at = v_now
  where outbox.flex_element_id = block_element.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state = 'pending';

  update elements
  set
    -- Tried again and blocked all the same is one block; the hour until the next try begins anew.
    blocked_since = case when elements.blocked_reason = block_element.reason then coalesce(elements.blocked_since, elements.blocked_at) else v_now end,
    blocked_reason = block_element.reason, blocked_error = block_element.error, blocked_at = v_now, reading_wanted_at = null
  where elements.flex_element_id = block_element.flex_element_id;
  perform note_block(block_element.flex_element_id, null, null, block_element.reason, block_element.error);
  perform note_element(block_element.flex_element_id, block_element.reason, false);
end
$$;
comment on function flex_sync.block_element(text, text, text) is 'Cancels what was not sent on an element and says why nothing can be done there for now.';
