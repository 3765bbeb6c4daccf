-- server_started_at()
--
-- When this Postgres last started, on the same clock as clock(). A reading older than this is not trusted:
-- where the host runs with synchronous_commit = off, what was recorded after it may have been lost.
--
-- Returns      timestamptz
create or replace function flex_sync.server_started_at()
returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_postmaster_start_time() + (flex_sync.clock() - clock_timestamp());
$$;
comment on function flex_sync.server_started_at() is 'When this Postgres last started, on the clock of clock().';
