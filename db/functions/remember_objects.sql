-- remember_objects()
--
-- Remember, for this transaction, which objects of flex_sync there are: the first statement of a migration, for
-- grant_privileges to tell what it added.
--
-- Writes       the setting flex_sync.objects_before, until the transaction ends
create or replace function flex_sync.remember_objects()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('flex_sync.objects_before', (
    select string_agg(object.oid::text, ',')
    from (
      -- Itself left out: the migration that adds it calls it.
      select pg_proc.oid from pg_proc
      where pg_proc.pronamespace = 'flex_sync'::regnamespace and pg_proc.proname <> 'remember_objects'
      union all
      select pg_class.oid from pg_class where pg_class.relnamespace = 'flex_sync'::regnamespace
    ) as object
  ), true);
end
$$;
comment on function flex_sync.remember_objects() is 'Remembers which objects there are, for grant_privileges at the end of the migration.';
