-- note_element(flex_element_id, reason, wants_reading)
--
-- Note that an element needs a look, without waiting for anybody: tick() follows it up under the element's lock.
--
-- Parameters   flex_element_id   normalised
--              reason            for people
--              wants_reading     whether only a reading begun after now settles it
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_element(flex_element_id text, reason text, wants_reading boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if is_flex_id(note_element.flex_element_id) then
    insert into due_elements (flex_element_id, reason, wants_reading, noted_at)
    values (flex_id(note_element.flex_element_id), note_element.reason, note_element.wants_reading, clock());
    perform pg_notify('flex_sync_work', flex_id(note_element.flex_element_id));
  end if;
end
$$;
comment on function flex_sync.note_element(text, text, boolean) is 'Notes that an element needs a look, without waiting for anybody.';
