-- ago(at)
--
-- How long ago a time was, as people say it: 12 s, 4 min, 3 h, 2 days.
--
-- Parameters   at   null answers null
create or replace function flex_sync.ago(at timestamptz)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_seconds constant numeric := floor(extract(epoch from clock() - ago.at));
begin
  return case
    when v_seconds < 120 then format('%s s', greatest(v_seconds, 0))
    when v_seconds < 7200 then format('%s min', floor(v_seconds / 60))
    when v_seconds < 172800 then format('%s h', floor(v_seconds / 3600))
    when v_seconds is not null then format('%s days', floor(v_seconds / 86400))
  end;
end
$$;
comment on function flex_sync.ago(timestamptz) is 'How long ago a time was, as people say it.';
