-- backoff(failures)
--
-- How long to wait after so many failures in a row: a second, doubling to a minute, with jitter (75 to 125 %).
--
-- Returns      interval
create or replace function flex_sync.backoff(failures int)
returns interval
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  return least(power(2, greatest(least(backoff.failures, 10), 1) - 1), 60) * (0.75 + random() / 2) * interval '1 s';
end
$$;
comment on function flex_sync.backoff(int) is 'How long to wait after so many failures in a row: 1 s doubling to 60 s, with jitter.';
