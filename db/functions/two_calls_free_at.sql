-- two_calls_free_at()
--
-- When two Flex calls are left in every window: what a reading that only serves to send a write waits for. With one call
-- left it would use up the call that the write needs, and be too old when the next one frees.
--
-- Returns      timestamptz, null when two are left now, or where a limit never allows two
-- Reads        settings, calls
create or replace function flex_sync.two_calls_free_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_last constant bigint := (select coalesce(max(calls.number), 0) from calls);
begin
  return (
    select nullif(max(case
      when windows.allowed < 2 then 'infinity'
      else (
        select calls.made_at + windows.length
        from calls
        where calls.number = v_last - windows.allowed + 2
          and calls.made_at + windows.length > (select clock())
      )
    end), 'infinity')
    from (
      select interval '1 hour' as length, coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as allowed from settings
      union all
      select interval '24 hours', coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint from settings
      union all
      select interval '744 hours', settings.monthly_limit::bigint from settings
    ) as windows
  );
end
$$;
comment on function flex_sync.two_calls_free_at() is 'When two Flex calls are left in every window; null when they are, or never can be.';
