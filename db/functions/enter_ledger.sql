-- enter_ledger(flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, operation_id)
--
-- A line is ours from now on. A line that is in the ledger stays as it is, but is no longer gone.
--
-- Writes       ledger
create or replace function flex_sync.enter_ledger(
  flex_line_item_id text,
  flex_element_id text,
  flex_resource_id text,
  crew_call_id uuid,
  technician_id uuid,
  source text,
  operation_id bigint default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  insert into ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, operation_id, entered_at)
  values (
    enter_ledger.flex_line_item_id, enter_ledger.flex_element_id, enter_ledger.flex_resource_id, enter_ledger.crew_call_id,
    enter_ledger.technician_id, enter_ledger.source, enter_ledger.operation_id, clock()
  )
  on conflict on constraint ledger_pkey do update
  set
    gone_at = null,
    flex_element_id = coalesce(ledger.flex_element_id, excluded.flex_element_id),
    -- Adopting says whose line it is now; everything else only fills what was not known.
    flex_resource_id = case when excluded.source = 'adopted' then excluded.flex_resource_id else coalesce(ledger.flex_resource_id, excluded.flex_resource_id) end,
    source = case when excluded.source = 'adopted' then excluded.source else ledger.source end;
end
$$;
comment on function flex_sync.enter_ledger(text, text, text, uuid, uuid, text, bigint) is 'A line is ours from now on.';
