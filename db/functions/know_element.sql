-- know_element(flex_element_id)
--
-- Make sure an element has its row, and remember which crew call points at it: the memory that outlives the crew call.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
-- Reads        crew_calls, ledger
-- Writes       elements
create or replace function flex_sync.know_element(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_call record;
begin
  select crew_calls.id, crew_calls.job_id, crew_calls.department into v_call
  from crew_calls
  where crew_calls.flex_element_id = know_element.flex_element_id
  order by crew_calls.id
  limit 1;

  insert into elements (flex_element_id, crew_call_id, job_id, department)
  select
    know_element.flex_element_id,
    coalesce(v_call.id, (
      select ledger.crew_call_id from ledger
      where ledger.flex_element_id = know_element.flex_element_id and ledger.crew_call_id is not null
      order by ledger.crew_call_id limit 1
    )),
    v_call.job_id,
    v_call.department
  where not exists (select from elements where elements.flex_element_id = know_element.flex_element_id);
  if v_call.id is null then
    update elements
    set retired_at = clock()
    where elements.flex_element_id = know_element.flex_element_id
      and elements.retired_at is null;
    return;
  end if;

  update elements
  set crew_call_id = v_call.id, job_id = v_call.job_id, department = v_call.department, retired_at = null
  where elements.flex_element_id = know_element.flex_element_id
    and (
      (elements.crew_call_id, elements.job_id, elements.department) is distinct from (v_call.id, v_call.job_id, v_call.department)
      or elements.retired_at is not null
    );
end
$$;
comment on function flex_sync.know_element(text) is 'Makes sure an element has its row and remembers the crew call that points at it.';
