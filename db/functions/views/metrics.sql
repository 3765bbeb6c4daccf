-- metrics: one row per name; the audit's four targets over the last 24 hours, then what an operator watches.
create or replace view flex_sync.metrics as
with recent as (
  select syncs.outcome, extract(epoch from syncs.duration)::numeric as seconds
  from flex_sync.syncs
  where syncs.finished_at > (select flex_sync.clock()) - interval '24 hours'
)
select 'duplicate_assignments' as name, (select count(*) from flex_sync.duplicate_assignments)::numeric as value, 'rows too many in flex_crew_assignments' as meaning
union all
select 'missing_crew', (
  select count(*) from flex_sync.outbox
  where outbox.kind = 'add' and (outbox.state in ('pending', 'sending', 'unknown') or (outbox.state = 'failed' and outbox.superseded_at is null))
) + (select coalesce(sum(elements.unmapped), 0) from flex_sync.elements where elements.unmapped > 0), 'people desired who are not known to be in Flex'
union all
select 'sync_failure_rate', (select round(avg((recent.outcome in ('failed', 'blocked'))::int), 4) from recent), 'share of the syncs of the last 24 h that ended failed or blocked'
union all
select 'sync_duration_mean', (select round(avg(recent.seconds), 3) from recent), 'seconds from the first request to the end, last 24 h'
union all
select 'sync_duration_p95', (select round((percentile_cont(0.95) within group (order by recent.seconds))::numeric, 3) from recent), 'seconds, last 24 h'
union all
select 'syncs', (select count(*) from recent), 'syncs that ended within 24 h'
union all
select 'queue_depth', (select count(*) from flex_sync.outbox where outbox.state in ('pending', 'sending') and outbox.priority = 0), 'operations pending or in flight, background readings left out'
union all
select 'oldest_unknown_seconds', (
  select coalesce(round(extract(epoch from flex_sync.clock() - min(outbox.unknown_at))::numeric, 3), 0) from flex_sync.outbox where outbox.state = 'unknown'
), 'age of the oldest write that nobody knows the outcome of'
union all
select 'unknown', (select count(*) from flex_sync.outbox where outbox.state = 'unknown'), 'writes that nobody knows the outcome of'
union all
select 'held', (select count(*) from flex_sync.outbox where outbox.state = 'held'), 'removals that wait for a person''s yes'
union all
select 'failed', (select count(*) from flex_sync.outbox where outbox.state = 'failed' and outbox.superseded_at is null), 'operations that were refused or given up'
union all
select 'budget_left_hour', (select calls_left.hourly from flex_sync.calls_left()), 'Flex calls left in the sliding hour'
union all
select 'budget_left_day', (select calls_left.daily from flex_sync.calls_left()), 'Flex calls left in the sliding day'
union all
select 'budget_left_month', (select calls_left.monthly from flex_sync.calls_left()), 'Flex calls left in the sliding month'
union all
select 'breaker_open', (select (tenant.breaker_opened_at is not null)::int from flex_sync.tenant), '1 while no Flex call is made'
union all
select 'paused', (select (tenant.paused_at is not null)::int from flex_sync.tenant), '1 while an operator paused everything';
comment on view flex_sync.metrics is 'One row per name: the audit''s targets over the last 24 hours, queue, budget and breaker.';
