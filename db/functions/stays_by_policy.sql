-- stays_by_policy(flex_element_id, flex_line_item_id, policy)
--
-- Whether the line of somebody nobody desires is to stay: by the policy, by a person's no, or because it neither says
-- that it is a contact nor is ours, and so may never be removed.
--
-- Parameters   flex_element_id, flex_line_item_id   normalised; a line that somebody is recorded with
--              policy                               policy_of(flex_element_id)
-- Returns      boolean
-- Reads        ledger, lines, removal_decisions
create or replace function flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return stays_by_policy.policy = 'add_only'
    or exists (
      select from removal_decisions
      where removal_decisions.flex_line_item_id = stays_by_policy.flex_line_item_id
        and removal_decisions.decision = 'rejected'
    )
    or (
      not exists (select from ledger where ledger.flex_line_item_id = stays_by_policy.flex_line_item_id)
      and (
        stays_by_policy.policy = 'owned'
        or exists (
          select from lines
          where lines.flex_element_id = stays_by_policy.flex_element_id
            and lines.flex_line_item_id = stays_by_policy.flex_line_item_id
            and lines.present
            and not lines.is_contact
        )
      )
    );
end
$$;
comment on function flex_sync.stays_by_policy(text, text, text) is 'Whether the line of somebody nobody desires is to stay.';
