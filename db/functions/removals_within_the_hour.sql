-- removals_within_the_hour()
--
-- How many lines the whole tenant lost to us within the last hour, those in flight included: what removal_limit limits.
--
-- Returns      bigint
-- Reads        outbox
create or replace function flex_sync.removals_within_the_hour()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  -- A constant, so that an index finds the hour.
  v_since constant timestamptz := clock() - interval '1 hour';
begin
  return (
    select count(*) from outbox
    where outbox.kind = 'remove' and outbox.state = 'done' and outbox.finished_at > v_since
  ) + (
    select count(*) from outbox
    where outbox.kind = 'remove' and outbox.state in ('sending', 'unknown')
  );
end
$$;
comment on function flex_sync.removals_within_the_hour() is 'Lines removed in the whole tenant within the last hour, those in flight included.';
