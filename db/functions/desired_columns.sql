-- desired_columns(host_table)
--
-- The columns of a table that the view desired_crew names, itself or through other views. A whole row and what a function
-- reads are not seen.
--
-- Parameters   host_table   its oid
-- Returns      their names
create or replace function flex_sync.desired_columns(host_table oid)
returns text[]
language plpgsql
stable
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    with recursive
    views as (
      select 'flex_sync.desired_crew'::regclass::oid as id
      union
      select pg_depend.refobjid
      from views
      join pg_rewrite on pg_rewrite.ev_class = views.id
      join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid and pg_depend.refclassid = 'pg_class'::regclass
      join pg_class on pg_class.oid = pg_depend.refobjid and pg_class.relkind = 'v'
    )
    select coalesce(array_agg(distinct pg_attribute.attname::text), '{}')
    from views
    join pg_rewrite on pg_rewrite.ev_class = views.id
    join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
      and pg_depend.refclassid = 'pg_class'::regclass and pg_depend.refobjid = desired_columns.host_table
    join pg_attribute on pg_attribute.attrelid = pg_depend.refobjid and pg_attribute.attnum = pg_depend.refobjsubid
  );
end
$$;
comment on function flex_sync.desired_columns(oid) is 'The columns of a table that the view desired_crew names.';
