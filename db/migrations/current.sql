-- First of all: what is there already keeps the privileges that its host decided.
--!include remember_objects.sql
select flex_sync.remember_objects();

-- Tables, columns and indexes.

-- Default privileges of the host may have given away the sequences of the first migration.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['public', 'anon', 'authenticated', 'service_role'] loop
    if v_role = 'public' or to_regrole(v_role) is not null then
      execute format('revoke all on all sequences in schema flex_sync from %s', v_role);
    end if;
  end loop;
end
$$;

-- Functions and views.
--!include pin_search_path.sql
--!include record_person.sql
--!include record_kept.sql
--!include forget_line.sql

-- Last of all: who may do what with what is new.
--!include grant_privileges.sql
select flex_sync.grant_privileges();
