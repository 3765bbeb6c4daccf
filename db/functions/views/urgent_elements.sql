-- urgent_elements: elements that are blocked, doubted, or have an operation open or failed: what stands first in crew_call_status.
-- Found through partial indexes only, so that it costs as much as there is to do, however long the list is.
create or replace view flex_sync.urgent_elements as
select outbox.flex_element_id
from flex_sync.outbox
where outbox.state in ('pending', 'sending', 'unknown', 'held')
union all
select outbox.flex_element_id
from flex_sync.outbox
where outbox.state = 'failed'
  and outbox.superseded_at is null
union all
select elements.flex_element_id
from flex_sync.elements
where elements.blocked_reason is not null
  or elements.doubt_reason is not null
union all
select crew_calls.flex_element_id
from flex_sync.crew_call_blocks
join flex_sync.crew_calls on crew_calls.id = crew_call_blocks.crew_call_id;
comment on view flex_sync.urgent_elements is 'Elements with something open, failed, blocked or doubted; one may come more than once.';
