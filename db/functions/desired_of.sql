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
rows 40
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with
  -- Each id and each tier is worked out once, whatever they cost.
  people as materialized (
    select desired_crew.technician_id, flex_id(desired_crew.flex_resource_id) as id, is_flex_id(desired_crew.flex_resource_id) as well_formed,
      desired_crew.role_code, tier_of(desired_crew.role_code) as tier
    from desired_crew
    where desired_crew.crew_call_id = desired_of.crew_call_id
      and desired_crew.technician_id is not null
  ),
  tiers as materialized (
    select upper(btrim(business_roles.tier)) as tier, business_roles.flex_role_id
    from business_roles
    where lower(btrim(business_roles.department)) = (
      select crew_calls.department from crew_calls where crew_calls.id = desired_of.crew_call_id
    )
  )
  select distinct on (people.technician_id)
    people.technician_id,
    case when people.well_formed then people.id end,
    case
      when people.id is null then 'no_resource'
      when not people.well_formed then 'malformed_id'
    end,
    people.role_code,
    tiers.flex_role_id
  from people
  left join tiers on tiers.tier = people.tier
  order by
    people.technician_id,
    -- To the last column: whoever is listed twice is read as the same one each time.
    people.well_formed desc, tiers.flex_role_id is null, people.role_code, people.id, tiers.flex_role_id;
end
$$;
comment on function flex_sync.desired_of(uuid) is 'Who one crew call should show, one row per person, with ids that can be compared.';
