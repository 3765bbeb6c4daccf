import { createHash } from "node:crypto";
import { compileCurrent } from "../../db/scripts/compile-current.ts";
import { committedMigrations, type Migration } from "../../src/migrations/committed-migrations.ts";

/** Two migrations that have a little of everything. */
export const tinyMigrations: Migration[] = [
  tiny(
    "000001-install.sql",
    `create schema if not exists flex_sync;
     create table if not exists :HOST_SCHEMA.flex_crew_assignments (id int primary key, note text default 'it''s $1');
     create table flex_sync.outbox (id int primary key);
     create function flex_sync.count_rows() returns bigint language plpgsql as $$
     begin
       return (select count(*) from :HOST_SCHEMA.flex_crew_assignments);
     end
     $$;
     comment on function flex_sync.count_rows() is 'How many rows the host has.';`,
  ),
  tiny("000002-add-reason.sql", "alter table flex_sync.outbox add column reason text;"),
];

/** A migration with a hash of its own. */
export function tiny(name: string, sql: string): Migration {
  return { name, hash: `sha1:${createHash("sha1").update(sql).digest("hex")}`, sql: `${sql}\n` };
}

/** What the package will ship: the committed migrations and, as the last, the one being written. */
export function allMigrations(): Migration[] {
  const current = compileCurrent();
  return [...committedMigrations(), ...(current ? [tiny("999999-current.sql", current)] : [])];
}
