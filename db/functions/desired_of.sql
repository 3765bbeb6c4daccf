-- desired_of(crew_call_id)
--
-- Who one crew call should show, one row per person, with ids that can be compared: desired_crew as everything else reads it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      technician_id, resource (normalised; null where there is none that may be sent), problem (no_resource |
--              malformed_id), role_code, role_id (from business_roles; null when the code has no tier or no row)
-- Errors       whatever the host's view raises; a row level security policy that would hide rows is an error
-- Reads        desired_crew, crew_calls, business_roles
create or replace function flex_sync.desired_of(crew_call_id uuid)
returns table (technician_id uuid, resource text, problem text, role_code text, role_id text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select distinct on (desired_crew.technician_id)
    desired_crew.technician_id,
    case when is_flex_id(desired_crew.flex_resource_id) then flex_id(desired_crew.flex_resource_id) end,
    case
      when flex_id(desired_crew.flex_resource_id) is null then 'no_resource'
      when not is_flex_id(desired_crew.flex_resource_id) then 'malformed_id'
    end,
    desired_crew.role_code,
    business_roles.flex_role_id
  from desired_crew
  join crew_calls on crew_calls.id = desired_crew.crew_call_id
  left join business_roles
    on lower(btrim(business_roles.department)) = crew_calls.department
    and upper(btrim(business_roles.tier)) = tier_of(desired_crew.role_code)
  where desired_crew.crew_call_id = desired_of.crew_call_id
    and desired_crew.technician_id is not null
  order by
    desired_crew.technician_id,
    is_flex_id(desired_crew.flex_resource_id) desc, business_roles.flex_role_id is null, desired_crew.role_code;
end
$$;
comment on function flex_sync.desired_of(uuid) is 'Who one crew call should show, one row per person, with ids that can be compared.';
