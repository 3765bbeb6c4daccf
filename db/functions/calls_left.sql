-- calls_left()
--
-- How many Flex calls may be made now, and when the next one frees where none is left. Exact sliding windows:
-- call numbers are gapless and rise with time, so a window's count is one subtraction.
--
-- Returns      one row: hourly, daily, monthly (left in each window), left_now (the least), frees_at (null while any is left)
-- Reads        settings, calls
create or replace function flex_sync.calls_left()
returns table (hourly bigint, daily bigint, monthly bigint, left_now bigint, frees_at timestamptz)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
begin
  return query
  with
  windows as (
    select 'hourly' as name, interval '1 hour' as length, coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as allowed from settings
    union all
    select 'daily', interval '24 hours', coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint from settings
    union all
    -- The longest month, docs/decisions/0015.
    select 'monthly', interval '744 hours', settings.monthly_limit::bigint from settings
  ),
  last as (
    -- Not max(): Postgres 14 would read every call for it here.
    select coalesce((select calls.number from calls order by calls.number desc limit 1), 0) as number
  ),
  -- The newest call that has left each window; calls before the oldest kept one left it long ago.
  counted as (
    select windows.name, windows.length, windows.allowed,
      last.number - coalesce(
        (select calls.number from calls where calls.made_at <= v_now - windows.length order by calls.made_at desc, calls.number desc limit 1),
        (select min(calls.number) - 1 from calls),
        0
      ) as used,
      last.number as last_number
    from windows, last
  ),
  remaining as (
    select counted.*, greatest(counted.allowed - counted.used, 0) as remaining,
      -- The call whose leaving makes room for the next one.
      case when counted.used >= counted.allowed and counted.allowed > 0 then (
        select calls.made_at + counted.length from calls where calls.number = counted.last_number - counted.allowed + 1
      ) when counted.allowed = 0 then timestamptz 'infinity' end as frees_at
    from counted
  )
  select
    max(remaining.remaining) filter (where remaining.name = 'hourly'),
    max(remaining.remaining) filter (where remaining.name = 'daily'),
    max(remaining.remaining) filter (where remaining.name = 'monthly'),
    min(remaining.remaining),
    max(remaining.frees_at)
  from remaining;
end
$$;
comment on function flex_sync.calls_left() is 'How many Flex calls may be made now, in each window, and when the next one frees where none is left.';
