-- plan_if_in_sync(flex_element_id)
--
-- The plan of an element that shows exactly who is desired, with nothing open and nothing missing: everybody is kept.
-- It is what plan_element says then, for a fraction of the time; whatever is out of the ordinary it leaves to the rest of
-- plan_element and answers null.
--
-- Parameters   flex_element_id   normalised
-- Returns      keep rows, empty where nobody is desired and no line shows a resource; null when it has to be worked out
-- Errors       as plan_element
-- Reads        crew_calls, desired_crew, lines, missing_lines, ledger, elements, outbox, business_roles, tenant
create or replace function flex_sync.plan_if_in_sync(flex_element_id text)
returns flex_sync.planned[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
begin
  if not exists (
    select from elements
    where elements.flex_element_id = plan_if_in_sync.flex_element_id and elements.reading_at is not null
  ) or exists (
    select from outbox
    where outbox.flex_element_id = plan_if_in_sync.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state in ('pending', 'sending', 'unknown', 'held')
  ) or exists (
    select from missing_lines where missing_lines.flex_element_id = plan_if_in_sync.flex_element_id
  ) then
    return null;
  end if;

  return (
    with
    desired as materialized (
      select crew_calls.id as crew_call_id, person.technician_id, person.resource, person.problem, person.role_id
      from crew_calls
      cross join lateral desired_of(crew_calls.id) as person
      where crew_calls.flex_element_id = plan_if_in_sync.flex_element_id
    ),
    observed as materialized (
      select lines.flex_line_item_id as line, lines.flex_resource_id as resource, lines.flex_role_id as role_id, lines.shows_role,
        lines.written_role_id
      from lines
      where lines.flex_element_id = plan_if_in_sync.flex_element_id
        and lines.present
        and lines.flex_resource_id is not null
    ),
    kept as (
      select desired.crew_call_id, desired.technician_id, desired.resource, observed.line,
        ledger.flex_line_item_id is not null as ours,
        -- As plan_element decides it.
        desired.role_id is not null and case
          when observed.shows_role and observed.role_id = desired.role_id then false
          when observed.shows_role
            and (observed.role_id is not null or exists (select from tenant where tenant.roles_shown_at is not null))
            and (observed.role_id is null or is_flex_id(observed.role_id) = is_flex_id(desired.role_id))
            then lower(btrim(observed.role_id)) is distinct from lower(btrim(desired.role_id))
          else observed.written_role_id is distinct from desired.role_id
        end as differs
      from desired
      join observed on observed.resource = desired.resource
      left join ledger
        on ledger.flex_line_item_id = observed.line
        and ledger.flex_element_id = plan_if_in_sync.flex_element_id
        and (ledger.flex_resource_id = observed.resource or ledger.flex_resource_id is null)
      where desired.problem is null
    )
    select case
      -- One line for each of them, and no further one.
      when count(*) = (select count(*) from observed)
        and count(*) = (select count(*) from desired)
        and count(*) = count(distinct kept.resource)
        and not coalesce(bool_or(kept.differs), false)
        then coalesce(array_agg(row(
          'keep', kept.crew_call_id, kept.technician_id, kept.resource, kept.line, null, null, null, null, kept.ours, false, null
        )::planned), '{}')
    end
    from kept
  );
end
$$;
comment on function flex_sync.plan_if_in_sync(text) is 'The plan of an element that shows exactly who is desired, with nothing open; null when it has to be worked out.';
