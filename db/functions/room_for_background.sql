-- room_for_background()
--
-- Whether background readings may be made: more than a quarter of every window of Flex calls is left, which they leave for
-- what somebody asks for.
--
-- Returns      boolean
-- Reads        settings, calls_left
create or replace function flex_sync.room_for_background()
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select calls_left.hourly > coalesce(settings.hourly_limit, settings.monthly_limit / 50) / 4
      and calls_left.daily > coalesce(settings.daily_limit, settings.monthly_limit / 10) / 4
      and calls_left.monthly > settings.monthly_limit / 4
    from calls_left(), settings
  );
end
$$;
comment on function flex_sync.room_for_background() is 'Whether background readings may be made: more than a quarter of every window of Flex calls is left.';
