-- take_over_expired()
--
-- Operations whose claim ran out: their drainer died, sleeps or lost the database. A reading is begun again; of a write
-- nobody knows whether Flex did it.
--
-- Returns      how many
-- Reads        tenant
-- Writes       outbox, calls, due_elements
create or replace function flex_sync.take_over_expired()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  -- What ran out earlier was taken over by the last look at everything: once in ten minutes, with trim_history. Without
  -- the bound every look walks over all claims that ended, while an old snapshot keeps their index entries.
  v_since constant timestamptz := case
    when exists (select from tenant where tenant.trimmed_at > v_now - interval '10 min') then v_now - interval '15 min'
    else '-infinity'
  end;
  v_expired record;
  v_number int := 0;
begin
  for v_expired in
    select outbox.id, outbox.token
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until > v_since
      and outbox.lease_until <= v_now
    -- Readings first: their failure locks the element's health, and everybody locks syncs last.
    order by outbox.kind <> 'observe', outbox.id
    for update skip locked
  loop
    perform record_failure(v_expired.id, v_expired.token, 'unknown', 0, 'the drainer stopped before it reported an outcome');
    update outbox set http_status = null where outbox.id = v_expired.id;
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function flex_sync.take_over_expired() is 'Takes over operations whose claim ran out; of a write nobody knows whether Flex did it.';
