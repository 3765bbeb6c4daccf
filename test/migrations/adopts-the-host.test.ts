import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { migrate } from "../../src/migrate.ts";
import { createDatabase } from "../postgres/database.ts";

const JOB = "10000000-0000-4000-8000-000000000001";
const ANA = "20000000-0000-4000-8000-000000000001";
const BEN = "20000000-0000-4000-8000-000000000002";
const CALL = "50000000-0000-4000-8000-000000000001";
const ELEMENT = "60000000-0000-4000-8000-000000000001";
const RESOURCE = "30000000-0000-4000-8000-000000000001";
const line = (number: number) => `70000000-0000-4000-8000-00000000000${number}`;

/** The audited application: its own tables, its own types, and no unique constraint. */
async function makeHost(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create table jobs (id uuid primary key, title text);
    create table profiles (id uuid primary key, flex_resource_id text, department text, nickname text);
    create table job_assignments (
      id bigint generated always as identity primary key,
      job_id uuid references jobs on delete cascade, technician_id uuid references profiles on delete cascade,
      sound_role text, lights_role text, video_role text
    );
    create table flex_crew_calls (
      id uuid primary key, job_id uuid references jobs on delete cascade,
      department text check (department in ('sound', 'lights', 'video')), flex_element_id uuid not null
    );
    create table flex_crew_assignments (
      id bigint generated always as identity primary key, crew_call_id uuid not null references flex_crew_calls on delete cascade,
      technician_id uuid not null, flex_line_item_id uuid not null, created_at timestamptz default now(), note text
    );
    alter table flex_crew_assignments enable row level security;
    insert into jobs values ('${JOB}', 'Sagunto');
    insert into profiles values ('${ANA}', ' ${RESOURCE.toUpperCase()} '), ('${BEN}', null);
    insert into job_assignments (job_id, technician_id, sound_role) values ('${JOB}', '${ANA}', 'SND-FOH-R');
    insert into flex_crew_calls values ('${CALL}', '${JOB}', 'sound', '${ELEMENT}');
    insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id, created_at, note) values
      ('${CALL}', '${ANA}', '${line(2)}', '2026-01-02', 'second'),
      ('${CALL}', '${ANA}', '${line(1)}', '2026-01-01', 'first'),
      ('${CALL}', '${ANA}', '${line(3)}', '2026-01-03', 'third'),
      ('${CALL}', '${BEN}', '${line(4)}', '2026-01-04', 'only');
  `);
}

describe("migrating a host as it is found", () => {
  test("keeps the oldest of duplicate rows, a copy of every other, and every line in the ledger", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await makeHost(sql);
    await migrate({ connectionString: url });

    const kept = await sql`select note from flex_crew_assignments order by note`;
    expect(kept.map((row) => row.note)).toEqual(["first", "only"]);
    const copies =
      await sql`select whole_row ->> 'note' as note, flex_line_item_id from flex_sync.removed_duplicates order by 1`;
    expect(copies.map((row) => [row.note, row.flex_line_item_id])).toEqual([
      ["second", line(2)],
      ["third", line(3)],
    ]);
    const ledger = await sql`
      select flex_line_item_id, flex_element_id, flex_resource_id, source from flex_sync.ledger order by flex_line_item_id`;
    expect(ledger.map((row) => row.flex_line_item_id)).toEqual([line(1), line(2), line(3), line(4)]);
    expect(ledger[0]).toEqual({
      flex_line_item_id: line(1),
      flex_element_id: ELEMENT,
      flex_resource_id: RESOURCE,
      source: "installed",
    });
  });

  test("refuses a second row for a person from then on, and changes nothing when it runs again", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await makeHost(sql);
    await migrate({ connectionString: url });
    await expect(
      sql`insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) values (${CALL}, ${ANA}, ${line(9)})`,
    ).rejects.toMatchObject({ code: "23505" });
    expect((await migrate({ connectionString: url })).applied).toEqual([]);
    const [rows] = await sql`select count(*)::int as number from flex_sync.removed_duplicates`;
    expect(rows?.number).toBe(2);
  });

  test("is content with a unique constraint of another name and order", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await makeHost(sql);
    await sql.unsafe(`
      delete from flex_crew_assignments where note in ('second', 'third');
      alter table flex_crew_assignments add constraint one_row_each unique (technician_id, crew_call_id);
    `);
    await migrate({ connectionString: url });
    const unique = await sql`
      select conname from pg_constraint where conrelid = 'flex_crew_assignments'::regclass and contype = 'u'`;
    expect(unique.map((row) => row.conname)).toEqual(["one_row_each"]);
  });

  test("is not content with a partial unique index", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await makeHost(sql);
    await sql.unsafe(`
      delete from flex_crew_assignments where note in ('second', 'third');
      create unique index on flex_crew_assignments (crew_call_id, technician_id) where note is null;
    `);
    await migrate({ connectionString: url });
    const unique = await sql`
      select conname from pg_constraint where conrelid = 'flex_crew_assignments'::regclass and contype = 'u'`;
    expect(unique.map((row) => row.conname)).toEqual(["flex_crew_assignments_crew_call_technician_key"]);
  });

  test("stops with a list, and leaves everything as it was, when another table references a row it would remove", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await makeHost(sql);
    await sql.unsafe(`
      create table timesheets (assignment_id bigint references flex_crew_assignments (id) on delete cascade);
      insert into timesheets select id from flex_crew_assignments where note = 'second';
    `);
    await expect(migrate({ connectionString: url })).rejects.toMatchObject({
      code: "REFER",
      message: expect.stringContaining("timesheets"),
    });
    const [rows] =
      await sql`select count(*)::int as number, to_regnamespace('flex_sync') is null as clean from flex_crew_assignments`;
    expect(rows).toEqual({ number: 4, clean: true });
  });

  test("says which column is missing", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await makeHost(sql);
    await sql`alter table job_assignments drop column video_role`;
    await expect(migrate({ connectionString: url })).rejects.toMatchObject({
      code: "HOSTC",
      message: expect.stringContaining("job_assignments.video_role"),
    });
  });

  test("creates what is not there, with row level security on", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await migrate({ connectionString: url });
    const tables = await sql`
      select relname, relrowsecurity from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`;
    expect(tables.map((row) => [row.relname, row.relrowsecurity])).toEqual([
      ["flex_crew_assignments", true],
      ["flex_crew_calls", true],
      ["job_assignments", true],
      ["jobs", true],
      ["profiles", true],
    ]);
  });

  test("grants nothing to everybody, whatever the default privileges say", async () => {
    const { sql, url } = await createDatabase({ template: "empty" });
    await sql.unsafe(`
      do $$ begin
        if to_regrole('anon') is null then create role anon nologin; end if;
        if to_regrole('authenticated') is null then create role authenticated nologin; end if;
      end $$;
      alter default privileges in schema public grant all on functions to anon, authenticated;
      alter default privileges in schema public grant all on tables to anon, authenticated;
    `);
    await migrate({ connectionString: url });
    const open = await sql`
      select role.name, pg_proc.oid::regprocedure::text as what
      from pg_proc, (values ('anon'), ('authenticated')) as role (name)
      where pg_proc.pronamespace in ('public'::regnamespace, 'flex_sync'::regnamespace)
        and has_function_privilege(role.name, pg_proc.oid, 'execute')
      union all
      select role.name, pg_class.oid::regclass::text
      from pg_class, (values ('anon'), ('authenticated')) as role (name)
      where pg_class.relnamespace in ('public'::regnamespace, 'flex_sync'::regnamespace)
        and pg_class.relkind in ('r', 'v')
        and has_table_privilege(role.name, pg_class.oid, 'select, insert, update, delete')`;
    expect([...open]).toEqual([]);
  });
});
