-- note_elements(flex_element_ids, reason, wants_reading, requests_sync)
--
-- Note several elements as note_element does, each once in a transaction: a transaction of thousands of statements leaves
-- one note per element. What was noted is remembered in a setting of the transaction and not looked up in due_elements:
-- reading there would make serializable transactions of the host's fail each other. A rollback to a savepoint takes the
-- notes and the memory of them back together.
--
-- Parameters   flex_element_ids   normalised; those that are no ids are left out
--              reason             for people
--              wants_reading      whether only a reading begun after now settles it
--              requests_sync      whether it counts as a sync request
-- Writes       due_elements; NOTIFY flex_sync_work; a setting, until the transaction ends
create or replace function flex_sync.note_elements(flex_element_ids text[], reason text, wants_reading boolean, requests_sync boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_setting constant text := format('flex_sync.noted_%s_%s', note_elements.wants_reading, note_elements.requests_sync);
  -- What somebody may have set for the session does not count.
  v_transaction constant text := pg_current_xact_id()::text || ' ';
  v_noted text := coalesce(current_setting(v_setting, true), '');
  v_new text[];
begin
  if not starts_with(v_noted, v_transaction) then
    v_noted := v_transaction;
  end if;
  select array_agg(distinct named.id) into v_new
  from unnest(note_elements.flex_element_ids) as named (id)
  where strpos(v_noted, named.id) = 0
    and is_flex_id(named.id);
  if v_new is null then
    return;
  end if;

  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select new_one.id, note_elements.reason, note_elements.wants_reading, note_elements.requests_sync, clock()
  from unnest(v_new) as new_one (id);
  perform set_config(v_setting, v_noted || array_to_string(v_new, ' ') || ' ', true);
  perform pg_notify('flex_sync_work', '');
end
$$;
comment on function flex_sync.note_elements(text[], text, boolean, boolean) is 'Notes several elements, each once in a transaction, without waiting for anybody.';
