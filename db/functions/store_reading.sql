-- store_reading(flex_element_id, operation_id, began_at, lines, identity_checked)
--
-- Keep a good reading, and bring observed up to it: what we added since it began stays present, what we removed since
-- stays gone, a role that we wrote since stays written.
--
-- Parameters   flex_element_id    normalised; the caller holds its lock
--              operation_id       the observe
--              began_at           beginning of the reading
--              lines              as in record_observation, without doubt
--              identity_checked   whether GET identity was asked along with it
-- Writes       readings, lines, ledger (a line whose resource was not known), elements, tenant
create or replace function flex_sync.store_reading(
  flex_element_id text,
  operation_id bigint,
  began_at timestamptz,
  lines jsonb,
  identity_checked boolean
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  insert into readings (flex_element_id, operation_id, began_at, recorded_at, line_count, lines)
  values (store_reading.flex_element_id, store_reading.operation_id, store_reading.began_at, clock(),
    jsonb_array_length(store_reading.lines), store_reading.lines);

  with
  shown as materialized (
    select
      flex_id(line.flex_line_item_id) as line,
      flex_id(line.flex_resource_id) as resource,
      coalesce(line.is_contact, false) as is_contact,
      flex_id(line.parent_line_item_id) as parent,
      nullif(btrim(line.flex_role_id), '') as role_id,
      coalesce(line.shows_role, false) as shows_role,
      left(line.name, 200) as name
    from jsonb_to_recordset(store_reading.lines) as line (
      flex_line_item_id text, flex_resource_id text, is_contact boolean, parent_line_item_id text, flex_role_id text, shows_role boolean, name text
    )
  ),
  gone as (
    update flex_sync.lines as known
    set present = false
    where known.flex_element_id = store_reading.flex_element_id
      and known.present
      and (known.added_at is null or known.added_at <= store_reading.began_at)
      and not exists (select from shown where shown.line = known.flex_line_item_id)
  )
  insert into flex_sync.lines as known (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, parent_line_item_id,
    flex_role_id, shows_role, name, present, first_seen_at, last_seen_at)
  select store_reading.flex_element_id, shown.line, shown.resource, shown.is_contact, shown.parent,
    shown.role_id, shown.shows_role, shown.name, true, store_reading.began_at, store_reading.began_at
  from shown
  on conflict on constraint lines_pkey do update
  set
    flex_resource_id = excluded.flex_resource_id,
    is_contact = excluded.is_contact,
    parent_line_item_id = excluded.parent_line_item_id,
    flex_role_id = case when known.role_written_at > store_reading.began_at and excluded.shows_role then known.written_role_id else excluded.flex_role_id end,
    shows_role = excluded.shows_role,
    name = excluded.name,
    present = known.removed_at is null or known.removed_at <= store_reading.began_at,
    first_seen_at = coalesce(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = excluded.last_seen_at,
    stale_at = null;

  -- A line whose resource was not known when it entered the ledger is known by what it shows first.
  update ledger
  set
    flex_resource_id = coalesce(ledger.flex_resource_id, known.flex_resource_id),
    flex_element_id = coalesce(ledger.flex_element_id, known.flex_element_id),
    gone_at = null
  from flex_sync.lines as known
  where known.flex_element_id = store_reading.flex_element_id
    and known.present
    and ledger.flex_line_item_id = known.flex_line_item_id
    -- A line that shows another resource is no longer ours, and stays gone.
    and (ledger.flex_resource_id is null or ledger.flex_resource_id = known.flex_resource_id)
    and (ledger.flex_resource_id is null or ledger.flex_element_id is null or ledger.gone_at is not null);

  update tenant
  set roles_shown_at = store_reading.began_at
  where tenant.roles_shown_at is null
    and exists (
      select from jsonb_to_recordset(store_reading.lines) as line (flex_role_id text, shows_role boolean)
      where line.shows_role and nullif(btrim(line.flex_role_id), '') is not null
    );

  update elements
  set
    reading_at = store_reading.began_at,
    identity_checked_at = case when store_reading.identity_checked then clock() else elements.identity_checked_at end,
    doubt_reason = null, doubt_error = null, doubt_at = null,
    blocked_reason = null, blocked_error = null, blocked_at = null
  where elements.flex_element_id = store_reading.flex_element_id;
end
$$;
comment on function flex_sync.store_reading(text, bigint, timestamptz, jsonb, boolean) is 'Keeps a good reading and brings observed up to it.';
