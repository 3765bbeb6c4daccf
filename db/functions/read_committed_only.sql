-- read_committed_only()
--
-- Refuse isolation levels under which a lock would protect a read of old rows.
--
-- Errors       ISOLA   the transaction is not read committed
create or replace function flex_sync.read_committed_only()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'crew calls cannot be planned under isolation level %', current_setting('transaction_isolation')
      using errcode = 'ISOLA', hint = 'Call it in a transaction of its own, or begin isolation level read committed.';
  end if;
end
$$;
comment on function flex_sync.read_committed_only() is 'Refuses isolation levels under which the element lock would protect a read of old rows.';
