-- note_changed_policy()  (trigger on settings and crew_call_settings)
--
-- Another policy holds from now on: what the old one let go and nobody sent yet waits for a plan of a new reading.
-- A row that a planner or a drainer holds right now is left to that reading: nobody waits here.
--
-- Reads        crew_calls
-- Writes       outbox, what note_element writes
create or replace function flex_sync.note_changed_policy()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element text;
begin
  if to_jsonb(old) ->> 'policy' is not distinct from to_jsonb(new) ->> 'policy' then
    return null;
  end if;
  for v_element in
    select distinct outbox.flex_element_id
    from outbox
    where outbox.state = 'pending'
      and outbox.kind <> 'observe'
      and outbox.reading_at is not null
      and (
        tg_relid = 'settings'::regclass
        or outbox.flex_element_id in (
          select crew_calls.flex_element_id
          from crew_calls
          where crew_calls.id in ((to_jsonb(old) ->> 'crew_call_id')::uuid, (to_jsonb(new) ->> 'crew_call_id')::uuid)
        )
      )
    order by outbox.flex_element_id
  loop
    update outbox
    set reading_at = null
    where outbox.id in (
      select confirmed.id
      from outbox as confirmed
      where confirmed.flex_element_id = v_element
        and confirmed.kind <> 'observe'
        and confirmed.state = 'pending'
        and confirmed.reading_at is not null
      order by confirmed.id
      for update skip locked
    );
    perform note_element(v_element, 'the policy changed', true);
  end loop;
  return null;
end
$$;
comment on function flex_sync.note_changed_policy() is 'What another policy let go waits for a plan of a new reading.';
