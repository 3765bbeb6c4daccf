-- retry_failed(crew_call_id)
--
-- retry() for everything that failed on a crew call.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      how many
-- Errors       NOCAL   no crew call has this id
-- Writes       outbox, due_elements, operator_log
create or replace function flex_sync.retry_failed(crew_call_id uuid)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_operation record;
  v_number int := 0;
begin
  perform crew_call_or_raise(retry_failed.crew_call_id);
  for v_operation in
    select outbox.id
    from outbox
    where (
        outbox.crew_call_id = retry_failed.crew_call_id
        -- Where people of several crew calls share a line, its add belongs to one of them.
        or outbox.persons @> jsonb_build_array(jsonb_build_object('crew_call_id', retry_failed.crew_call_id))
      )
      and outbox.kind <> 'observe'
      and outbox.state = 'failed'
      and outbox.superseded_at is null
    order by outbox.id
  loop
    perform retry(v_operation.id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function flex_sync.retry_failed(uuid) is 'retry() for everything that failed on a crew call.';
