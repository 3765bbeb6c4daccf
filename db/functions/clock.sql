-- clock()
--
-- The one clock that is compared anywhere: the database's, as it moves inside a transaction.
-- A test replaces this function to move time.
--
-- Returns      timestamptz
create or replace function flex_sync.clock()
returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select clock_timestamp();
$$;
comment on function flex_sync.clock() is 'The one clock that is compared anywhere; a test replaces it to move time.';
