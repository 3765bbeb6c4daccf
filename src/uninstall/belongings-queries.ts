/** The host's tables that we work with. Parameter: the host's schema. */
export const HOST_TABLES = `
select format('%I.%I', nspname, relname) as name
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = $1
  and relname in ('jobs', 'profiles', 'job_assignments', 'flex_crew_calls', 'flex_crew_assignments')
  and relkind in ('r', 'p')
order by name`;

/** Indexes of ours on the host's tables: their names start with flex_sync_. Parameter: the host's schema. */
export const INDEXES = `
select format('%I.%I', nspname, relname) as name
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = $1
  and relname like 'flex\\_sync\\_%'
  and relkind in ('i', 'I')
  and not exists (select from pg_constraint where conindid = pg_class.oid)
order by name`;

/** Our functions outside the schema flex_sync. Parameter: the host's schema. */
export const FUNCTIONS = `
select format('%I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid)) as name
from pg_proc
join pg_namespace on pg_namespace.oid = pronamespace
where nspname in ('public', $1)
  and proname in ('sync_crew_call', 'sync_crew_for_job')
order by name`;

/** Triggers on tables outside the schema flex_sync that call a function in it. */
export const TRIGGERS = `
select format('%I', tgname) as name, format('%I.%I', nspname, relname) as "table"
from pg_trigger
join pg_proc on pg_proc.oid = tgfoid
join pg_class on pg_class.oid = tgrelid
join pg_namespace on pg_namespace.oid = relnamespace
where pronamespace = to_regnamespace('flex_sync')
  and relnamespace <> pronamespace
  and not tgisinternal
order by 2, 1`;

/** The host's objects that use ours, and would go with them. Parameter: the host's schema. */
export const DEPENDENTS = `
with ours as (
  select 'pg_class'::regclass as classid, oid
  from pg_class
  where relnamespace = to_regnamespace('flex_sync')
  union all
  select 'pg_type'::regclass, oid
  from pg_type
  where typnamespace = to_regnamespace('flex_sync')
  union all
  select 'pg_proc'::regclass, pg_proc.oid
  from pg_proc
  join pg_namespace on pg_namespace.oid = pronamespace
  where nspname = 'flex_sync'
    or (nspname in ('public', $1) and proname in ('sync_crew_call', 'sync_crew_for_job'))
),
-- A rule, default, constraint or policy belongs to a relation: if that is ours, so is it.
users as (
  select
    pg_depend.classid,
    pg_depend.objid,
    pg_depend.objsubid,
    ev_class as view,
    coalesce(ev_class, adrelid, nullif(conrelid, 0), polrelid) as relation
  from pg_depend
  join ours on refclassid = ours.classid
    and refobjid = ours.oid
  left join pg_rewrite on pg_depend.classid = 'pg_rewrite'::regclass
    and pg_rewrite.oid = objid
  left join pg_attrdef on pg_depend.classid = 'pg_attrdef'::regclass
    and pg_attrdef.oid = objid
  left join pg_constraint on pg_depend.classid = 'pg_constraint'::regclass
    and pg_constraint.oid = objid
  left join pg_policy on pg_depend.classid = 'pg_policy'::regclass
    and pg_policy.oid = objid
  where deptype in ('n', 'a')
    -- Triggers have a list of their own.
    and pg_depend.classid <> 'pg_trigger'::regclass
)
select distinct
  case
    when view is null then pg_describe_object(classid, objid, objsubid)
    else pg_describe_object('pg_class'::regclass, view, 0)
  end as name
from users
where (classid, objid) not in (select classid, oid from ours)
  and (relation is null or ('pg_class'::regclass, relation) not in (select classid, oid from ours))
order by name`;
