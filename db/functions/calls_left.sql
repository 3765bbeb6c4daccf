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
  v_allowed record;
  v_last bigint;
  v_used record;
begin
  select coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as hourly,
    coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint as daily,
    settings.monthly_limit::bigint as monthly
  into v_allowed
  from settings;
  -- Not max(): Postgres 14 would read every call for it here.
  v_last := coalesce((select calls.number from calls order by calls.number desc limit 1), 0);
  -- The newest call that has left each window; calls before the oldest kept one left it long ago.
  select
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '1 hour' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as hourly,
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '24 hours' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as daily,
    -- The longest month, docs/decisions/0015.
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '744 hours' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as monthly
  into v_used
  from (select coalesce((select calls.number from calls order by calls.number limit 1) - 1, 0) as number) as oldest;

  calls_left.hourly := greatest(v_allowed.hourly - v_used.hourly, 0);
  calls_left.daily := greatest(v_allowed.daily - v_used.daily, 0);
  calls_left.monthly := greatest(v_allowed.monthly - v_used.monthly, 0);
  calls_left.left_now := least(calls_left.hourly, calls_left.daily, calls_left.monthly);
  if calls_left.left_now = 0 then
    select max(case
      when windows.allowed = 0 then 'infinity'
      -- The call whose leaving makes room for the next one.
      when windows.used >= windows.allowed then (
        select calls.made_at + windows.length from calls where calls.number = v_last - windows.allowed + 1
      )
    end)
    into calls_left.frees_at
    from (values
      (interval '1 hour', v_allowed.hourly, v_used.hourly),
      (interval '24 hours', v_allowed.daily, v_used.daily),
      (interval '744 hours', v_allowed.monthly, v_used.monthly)
    ) as windows (length, allowed, used);
  end if;
  return next;
end
$$;
comment on function flex_sync.calls_left() is 'How many Flex calls may be made now, in each window, and when the next one frees where none is left.';
