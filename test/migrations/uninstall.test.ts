import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";
import { withClient } from "../../src/migrations/database-client.ts";
import { uninstall } from "../../src/uninstall.ts";
import { createDatabase } from "../postgres/database.ts";
import { catalogue } from "./catalogue.ts";
import { allMigrations, tiny } from "./tiny-migrations.ts";

/** An installation with one of everything that has to go or to stay. */
const everything = tiny(
  "000001-install.sql",
  `create schema if not exists flex_sync;
   create table :HOST_SCHEMA.flex_crew_assignments (
     crew_call_id int, technician_id int, constraint one_row unique (crew_call_id, technician_id)
   );
   create table flex_sync.removed_duplicates (id int generated always as identity, note text);
   create index flex_sync_by_technician on :HOST_SCHEMA.flex_crew_assignments (technician_id);
   create table flex_sync.outbox (id int);
   create function flex_sync.note_element() returns trigger language plpgsql as $$ begin return new; end $$;
   create trigger note_element after insert on :HOST_SCHEMA.flex_crew_assignments
     for each row execute function flex_sync.note_element();
   create function public.sync_crew_call(id int) returns flex_sync.outbox language sql as 'select 1';
   do $$ begin create role flex_sync_app; exception when duplicate_object then null; end $$;
   do $$ begin create role flex_sync_drainer; exception when duplicate_object then null; end $$;
   grant usage on schema flex_sync to flex_sync_app, flex_sync_drainer;
   grant select on flex_sync.removed_duplicates to flex_sync_app;
   grant select on :HOST_SCHEMA.flex_crew_assignments to flex_sync_app;`,
);

async function whatIsLeft(sql: Sql): Promise<string> {
  return (await catalogue(sql)).join("\n");
}

test("the package's own installation goes without a trace, but for the host's tables", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  await migrate({ connectionString: url, migrations: allMigrations() });

  const result = await uninstall({ connectionString: url, yes: true });

  expect(result.done).toBe(true);
  const left = await whatIsLeft(sql);
  expect(left).not.toMatch(/flex_sync|sync_crew/);
  for (const line of result.left.filter((entry) => entry.startsWith("table "))) {
    expect(left).toContain(`relation ${line.split(" ")[1]?.replace("public.", "")} r`);
  }
  expect((await migrate({ connectionString: url, migrations: allMigrations() })).alreadyThere).toEqual([]);
});

test("without a yes it only lists", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  await migrate({ connectionString: url, migrations: [everything] });
  const before = await catalogue(sql);

  const result = await uninstall({ connectionString: url });

  expect(result.done).toBe(false);
  expect(result.removed).toContain("trigger note_element on public.flex_crew_assignments");
  expect(result.removed).toContain("function public.sync_crew_call(id integer)");
  expect(await catalogue(sql)).toEqual(before);
});

test("copies of removed rows move to the host's schema, again and again", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  for (const note of ["first", "second"]) {
    await migrate({ connectionString: url, migrations: [everything] });
    await sql`insert into flex_sync.removed_duplicates (note) values (${note})`;
    await uninstall({ connectionString: url, yes: true });
    await sql`drop table flex_crew_assignments`;
  }
  expect(await sql`select note from flex_sync_removed_duplicates`).toEqual([{ note: "first" }]);
  expect(await sql`select note from flex_sync_removed_duplicates_2`).toEqual([{ note: "second" }]);
  const open =
    await sql`select relname from pg_class where relname ~ '^flex_sync_removed' and not relrowsecurity`;
  expect(open).toHaveLength(0);
});

test("rows and the unique constraint stay; what of the host's own goes too is named", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  await migrate({ connectionString: url, migrations: [everything] });
  await sql`insert into flex_crew_assignments values (1, 2)`;
  await sql`create view queue_board as select * from flex_sync.outbox`;

  const { removed, left } = await uninstall({ connectionString: url, yes: true });

  expect(removed).toContain("view queue_board, which uses it");
  expect(removed.filter((line) => line.includes("which uses it"))).toHaveLength(1);
  expect(left).toContain("table public.flex_crew_assignments and its rows");
  expect(await sql`select * from flex_crew_assignments`).toEqual([{ crew_call_id: 1, technician_id: 2 }]);
  await expect(sql`insert into flex_crew_assignments values (1, 2)`).rejects.toMatchObject({ code: "23505" });
});

test("a database without an installation is refused", async () => {
  const { url } = await createDatabase({ template: "empty" });
  await expect(uninstall({ connectionString: url, yes: true })).rejects.toMatchObject({ code: "NOTIN" });
});

test("a role goes once no database uses it and nobody is a member", async () => {
  // Roles belong to the server, and the other tests of this run use theirs.
  await using server = await startEmbeddedPostgres({ params: { fsync: "off" } });
  const other = server.url.replace(/postgres$/, "other");
  await withClient({ connectionString: server.url }, async (client) => {
    await client.query("create database other");
  });
  for (const connectionString of [server.url, other])
    await migrate({ connectionString, migrations: [everything] });
  await withClient({ connectionString: server.url }, async (client) => {
    await client.query("create role daemon in role flex_sync_drainer");
  });

  const first = await uninstall({ connectionString: server.url, yes: true });
  // Nothing was granted to flex_sync_operator in either database.
  expect(first.removed.filter((line) => line.startsWith("role"))).toEqual(["role flex_sync_operator"]);
  expect(first.left).toContain("role flex_sync_app: database other uses it");

  const second = await uninstall({ connectionString: other, yes: true });
  expect(second.removed).toContain("role flex_sync_app");
  expect(second.left).toContain("role flex_sync_drainer: daemon is a member of it");
});

test("whoever may create roles, and is no superuser, installs and leaves none behind", async () => {
  await using server = await startEmbeddedPostgres({ params: { fsync: "off" } });
  await withClient({ connectionString: server.url }, async (client) => {
    await client.query("create role owner login createrole password 'x'");
    await client.query("create database app owner owner");
  });
  const connectionString = server.url.replace(/\/\/.*@/, "//owner:x@").replace(/postgres$/, "app");
  await migrate({ connectionString, migrations: allMigrations() });

  const { removed, left } = await uninstall({ connectionString, yes: true });

  const roles = ["role flex_sync_app", "role flex_sync_drainer", "role flex_sync_operator"];
  expect(removed.filter((line) => line.startsWith("role"))).toEqual(roles);
  expect(left.filter((line) => line.startsWith("role"))).toEqual([]);
});
