-- count_call(kind, drainer, deadline, operation_id, flex_element_id)
--
-- Count one Flex call before it is made. The caller holds the budget lock and checked calls_left().
--
-- Parameters   kind         observe | add | set_role | remove | identity | user
--              drainer      who makes it
--              deadline     when its answer is given up
--              operation    what it is made for, null for a probe
-- Returns      the call's number
-- Writes       calls
create or replace function flex_sync.count_call(
  kind text,
  drainer text,
  deadline timestamptz,
  operation flex_sync.outbox default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_number bigint;
begin
  insert into calls (number, made_at, kind, operation_id, sync_id, flex_element_id, flex_resource_id, flex_line_item_id, flex_role_id,
    attempt, drainer, deadline, reading_at)
  values (
    (select coalesce(max(calls.number), 0) + 1 from calls),
    -- Never before the call before it, whatever the clock did.
    greatest(clock(), (select calls.made_at from calls order by calls.number desc limit 1)),
    count_call.kind,
    (count_call.operation).id,
    (count_call.operation).sync_id,
    (count_call.operation).flex_element_id,
    (count_call.operation).flex_resource_id,
    case when count_call.kind <> 'add' then (count_call.operation).flex_line_item_id end,
    (count_call.operation).flex_role_id,
    (count_call.operation).attempts,
    count_call.drainer,
    count_call.deadline,
    (select elements.reading_at from elements where elements.flex_element_id = (count_call.operation).flex_element_id)
  )
  returning calls.number into v_number;
  return v_number;
end
$$;
comment on function flex_sync.count_call(text, text, timestamptz, flex_sync.outbox) is 'Counts one Flex call before it is made.';
