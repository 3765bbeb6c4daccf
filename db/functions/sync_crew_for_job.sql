-- sync_crew_for_job(job_id, departments, dry_run, allow_mass_removal, requested_by)
--
-- sync_crew_call for every crew call of a job, or for the departments named.
--
-- Parameters   job_id        jobs.id
--              departments   null for all; names are compared trimmed and lower-case
--              dry_run, allow_mass_removal, requested_by   as in sync_crew_call
-- Returns      jsonb: { department: what sync_crew_call answers, or {"condition": "no_crew_call"} }. Without departments named,
--              a department that has crew on the job but no crew call is there too. A second crew call of a department
--              is named "sound (2)", one that has no department "".
-- Errors       NOJOB   no job has this id
--              NOTAL, ISOLA   as in sync_crew_call
-- Locks        the elements, in the order of the lock key
create or replace function public.sync_crew_for_job(
  job_id uuid,
  departments text[] default null,
  dry_run boolean default false,
  allow_mass_removal boolean default false,
  requested_by text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_result jsonb := '{}';
  v_call record;
  v_named text[];
begin
  sync_crew_for_job.dry_run := coalesce(sync_crew_for_job.dry_run, false);
  if not sync_crew_for_job.dry_run then
    perform read_committed_only();
  end if;
  perform from :HOST_SCHEMA.jobs where jobs.id = sync_crew_for_job.job_id;
  if not found then
    raise exception 'no job has the id %', coalesce(sync_crew_for_job.job_id::text, 'null')
      using errcode = 'NOJOB', hint = 'Pass jobs.id.';
  end if;

  if sync_crew_for_job.departments is not null then
    select array_agg(distinct lower(btrim(named.department))) into v_named
    from unnest(sync_crew_for_job.departments) as named (department)
    where nullif(btrim(named.department), '') is not null;
    v_named := coalesce(v_named, '{}');
  else
    select array_agg(distinct found.department) into v_named
    from (
      select coalesce(crew_calls.department, '') as department from crew_calls where crew_calls.job_id = sync_crew_for_job.job_id
      union
      select role.department
      from :HOST_SCHEMA.job_assignments
      cross join lateral (values
        ('sound', job_assignments.sound_role::text), ('lights', job_assignments.lights_role::text), ('video', job_assignments.video_role::text)
      ) as role (department, code)
      where job_assignments.job_id = sync_crew_for_job.job_id
        and lower(btrim(coalesce(role.code, ''))) not in ('', 'none')
    ) as found;
  end if;

  if not sync_crew_for_job.dry_run then
    -- All locks first, in one order everywhere, so that two jobs that share elements never wait for each other.
    for v_call in
      select distinct crew_calls.flex_element_id, hashtextextended('flex_sync element ' || crew_calls.flex_element_id, 0) as lock_key
      from crew_calls
      where crew_calls.job_id = sync_crew_for_job.job_id
        and coalesce(crew_calls.department, '') = any (v_named)
        and is_flex_id(crew_calls.flex_element_id)
      order by lock_key
    loop
      perform lock_element(v_call.flex_element_id);
    end loop;
  end if;

  for v_call in
    select
      named.department,
      crew_calls.id,
      row_number() over (partition by named.department order by crew_calls.id) as position
    from unnest(v_named) as named (department)
    left join crew_calls on crew_calls.job_id = sync_crew_for_job.job_id and coalesce(crew_calls.department, '') = named.department
    order by named.department, position
  loop
    v_result := v_result || jsonb_build_object(
      v_call.department || case when v_call.position > 1 then format(' (%s)', v_call.position) else '' end,
      case when v_call.id is null then jsonb_build_object('condition', 'no_crew_call')
        else public.sync_crew_call(v_call.id, sync_crew_for_job.dry_run, sync_crew_for_job.allow_mass_removal, sync_crew_for_job.requested_by)
      end
    );
  end loop;
  return v_result;
end
$$;
comment on function public.sync_crew_for_job(uuid, text[], boolean, boolean, text) is
  'sync_crew_call for every crew call of a job, or for the departments named.';
