-- forget_removed(operation_ids)
--
-- The lines that removals took away are gone: forget_line for each, in one order.
--
-- Parameters   operation_ids   outbox.id; those that are no removals are left out
-- Reads        outbox
-- Writes       as forget_line
create or replace function flex_sync.forget_removed(operation_ids bigint[])
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
-- For the host's triggers, whatever the caller walks its own tables with.
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
as $$
begin
  perform forget_line(removed.flex_element_id, removed.flex_line_item_id)
  from (
    select outbox.flex_element_id, outbox.flex_line_item_id
    from outbox
    where outbox.id = any (forget_removed.operation_ids)
      and outbox.kind = 'remove'
    order by outbox.flex_element_id, outbox.flex_line_item_id
  ) as removed;
end
$$;
comment on function flex_sync.forget_removed(bigint[]) is 'The lines that removals took away are gone: forget_line for each.';
