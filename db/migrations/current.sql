-- First of all: what is there already keeps the privileges that its host decided.
--!include remember_objects.sql
select flex_sync.remember_objects();

-- Tables, columns and indexes.

-- Functions and views.

-- Last of all: who may do what with what is new.
--!include grant_privileges.sql
select flex_sync.grant_privileges();
