-- finish_answered_syncs(flex_element_id, began_at)
--
-- finish_sync() for every sync of an element that a reading answers: those it leaves nothing to do for end here.
--
-- Parameters   flex_element_id   normalised
--              began_at          beginning of the reading
-- Writes       syncs, due_elements
create or replace function flex_sync.finish_answered_syncs(flex_element_id text, began_at timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_sync record;
begin
  for v_sync in
    select syncs.id
    from syncs
    where syncs.flex_element_id = finish_answered_syncs.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at <= finish_answered_syncs.began_at
    order by syncs.id
  loop
    perform finish_sync(v_sync.id);
  end loop;
end
$$;
comment on function flex_sync.finish_answered_syncs(text, timestamptz) is 'finish_sync() for every sync of an element that a reading answers.';
