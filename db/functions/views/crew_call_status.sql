-- crew_call_status: one row per crew call, the most urgent first; retired elements keep a row while anything of ours is on them.
-- The list is put together from what is stored: blocked for want of an element, then what has something open, retired,
-- unmapped or unread, then all others. Each row is worked out by itself only when it is asked for, so that the first page
-- of a long list costs little more than its rows.
create or replace view flex_sync.crew_call_status as
select
  call.crew_call_id,
  call.job_id,
  call.department,
  call.flex_element_id,
  state.condition,
  state.reason,
  state.desired,
  state.recorded,
  state.observed,
  state.pending,
  state.unknown,
  state.held,
  state.failed,
  state.plan,
  state.observed_at,
  state.last_sync_at,
  state.next_action,
  flex_sync.ago(state.observed_at) as observed_ago,
  flex_sync.ago(state.last_sync_at) as last_sync_ago
from (
  -- Without an element that could be one. An id of the right length that is none all the same comes last.
  select crew_calls.id as crew_call_id, crew_calls.job_id, crew_calls.department, nullif(crew_calls.flex_element_id, '') as flex_element_id, false as retired
  from flex_sync.crew_calls
  where length(crew_calls.flex_element_id) is distinct from 36
  union all
  (
    select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
    from flex_sync.crew_calls
    join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
    where length(crew_calls.flex_element_id) = 36
      and elements.flex_element_id in (select urgent_elements.flex_element_id from flex_sync.urgent_elements)
    order by
      case
        when elements.blocked_reason is not null
          or exists (select from flex_sync.crew_call_blocks where crew_call_blocks.crew_call_id = crew_calls.id) then 1
        when exists (
          select from flex_sync.outbox
          where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'failed' and outbox.superseded_at is null
        ) then 2
        when exists (
          select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'held'
        ) then 3
        when exists (
          select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'unknown'
        ) then 4
        else 5
      end,
      crew_calls.id
  )
  union all
  select left_behind.crew_call_id, left_behind.job_id, left_behind.department, left_behind.flex_element_id, true
  from (
    -- Known to be retired, or noted and not yet looked at: each found by its own index, never by reading every element.
    select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id
    from flex_sync.elements
    where elements.retired_at is not null
    union
    select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id
    from flex_sync.due_elements
    join flex_sync.elements on elements.flex_element_id = due_elements.flex_element_id
    union
    -- Never asked about: only lines that were recorded before the installation know whose it was.
    (
      select distinct on (ledger.flex_element_id) ledger.crew_call_id, null::uuid, null::text, ledger.flex_element_id
      from flex_sync.due_elements
      join flex_sync.ledger on ledger.flex_element_id = due_elements.flex_element_id
      where ledger.crew_call_id is not null
        and not exists (select from flex_sync.elements where elements.flex_element_id = due_elements.flex_element_id)
      order by ledger.flex_element_id, ledger.crew_call_id
    )
  ) as left_behind
  where left_behind.crew_call_id is not null
    and not exists (select from flex_sync.crew_calls where crew_calls.flex_element_id = left_behind.flex_element_id)
    and (
      exists (select from flex_sync.ledger where ledger.flex_element_id = left_behind.flex_element_id and ledger.gone_at is null)
      or exists (
        select from flex_sync.outbox
        where outbox.flex_element_id = left_behind.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held')
      )
    )
  union all
  (
    select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
    from flex_sync.crew_calls
    join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
    where (elements.unmapped > 0 or elements.reading_at is null)
      and length(crew_calls.flex_element_id) = 36
      and not exists (select from flex_sync.urgent_elements where urgent_elements.flex_element_id = elements.flex_element_id)
    order by elements.unmapped = 0, crew_calls.id
  )
  union all
  select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
  from flex_sync.crew_calls
  where length(crew_calls.flex_element_id) = 36
    and not exists (select from flex_sync.urgent_elements where urgent_elements.flex_element_id = crew_calls.flex_element_id)
    and not exists (
      select from flex_sync.elements
      where elements.flex_element_id = crew_calls.flex_element_id
        and (elements.unmapped > 0 or elements.reading_at is null)
    )
) as call
cross join lateral flex_sync.state_of_crew_call(call.crew_call_id, call.flex_element_id, call.retired) as state;
comment on view flex_sync.crew_call_status is 'One row per crew call, the most urgent first: its condition, why, and what to do next.';
