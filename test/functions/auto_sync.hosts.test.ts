import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { ana, ben, cleo, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request, sync } from "./asking.ts";
import { settleWith } from "./drain-with.ts";

async function noted(sql: Sql): Promise<string[]> {
  const rows = await sql`select flex_element_id from flex_sync.due_elements where requests_sync order by 1`;
  return rows.map((row) => row.flex_element_id as string);
}

async function stage() {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  const other = await makeCrewCall(sql, { desired: [ben], flex: call.flex });
  await sync(sql, call);
  await sync(sql, other);
  return { sql, call, other };
}

describe("a view of the host's that reads", () => {
  test("the department of profiles, through a view of its own, is asked about it", async () => {
    const { sql, call } = await stage();
    await sql.unsafe(`
      create view public.crew_of_departments as
        select job_assignments.job_id, profiles.id, profiles.flex_resource_id, profiles.department
        from job_assignments join profiles on profiles.id = job_assignments.technician_id;
      create or replace view flex_sync.desired_crew as
        select flex_crew_calls.id as crew_call_id, crew.id as technician_id, crew.flex_resource_id::text, null::text as role_code
        from flex_crew_calls join public.crew_of_departments as crew
          on crew.job_id = flex_crew_calls.job_id and crew.department = flex_crew_calls.department;
      select flex_sync.enable_auto_sync()`);
    await sql`update profiles set department = 'sound' where id = ${ana.id}`;
    expect(await noted(sql)).toEqual([call.element]);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    await sql`update profiles set department = 'lights' where id = ${ana.id}`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
  });

  test("another table is asked through triggers of the host's on that table", async () => {
    const { sql, call, other } = await stage();
    await sql.unsafe(`
      create table public.shifts (production uuid not null, technician_id uuid not null, day date, details json);
      insert into public.shifts values ('${call.job}', '${ana.id}', current_date), ('${other.job}', '${ben.id}', current_date);
      create or replace view flex_sync.desired_crew as
        select flex_crew_calls.id as crew_call_id, shifts.technician_id, profiles.flex_resource_id::text, null::text as role_code
        from flex_crew_calls
        join public.shifts on shifts.production = flex_crew_calls.job_id
        join profiles on profiles.id = shifts.technician_id;
      create trigger ask_for_inserted after insert on public.shifts referencing new table as changed_rows
        for each statement execute function flex_sync.note_changed_assignments('production');
      create trigger ask_for_updated after update on public.shifts
        referencing old table as former_rows new table as changed_rows
        for each statement execute function flex_sync.note_changed_assignments('production');
      create trigger ask_for_deleted after delete on public.shifts referencing old table as former_rows
        for each statement execute function flex_sync.note_changed_assignments('production');`);
    await sql`update public.shifts set day = day`;
    expect(await noted(sql)).toEqual([]);
    await sql`update public.shifts set details = '{"late": true}' where production = ${call.job}`;
    expect(await noted(sql)).toEqual([call.element]);
    await sql`update public.shifts set technician_id = ${ben.id} where production = ${call.job}`;
    await sql`delete from public.shifts where production = ${other.job}`;
    await sql`insert into public.shifts values (${other.job}, ${ana.id})`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ben.resource]);
    expect(call.flex.resourcesOf(other.element)).toEqual([ana.resource]);
    expect([await conditionOf(sql, call), await conditionOf(sql, other)]).toEqual(["synced", "synced"]);
  });

  test("a table with ids of crew calls may name that column", async () => {
    const { sql, call } = await stage();
    await sql.unsafe(`
      create table public.slots (crew_call_id uuid);
      create trigger ask after insert on public.slots referencing new table as changed_rows
        for each statement execute function flex_sync.note_changed_assignments('crew_call_id');`);
    await sql`insert into public.slots values (${call.id}), (${call.id})`;
    expect(await noted(sql)).toEqual([call.element]);
  });
});

describe("the host's statements", () => {
  test("wait neither for whoever plans the element nor for whoever noted it", async () => {
    const { sql, call } = await stage();
    await sql`select flex_sync.enable_auto_sync()`;
    const planner = await sql.reserve();
    const writer = await sql.reserve();
    await planner`begin`;
    await request(planner as unknown as Sql, call);
    await writer`begin`;
    await writer`insert into job_assignments (job_id, technician_id, sound_role) values (${call.job}, ${ben.id}, 'FOH')`;
    await sql.begin(async (third) => {
      await third`set local lock_timeout = '1ms'`;
      await third`set local statement_timeout = '5s'`;
      await third`delete from job_assignments where job_id = ${call.job}`;
      await third`update profiles set flex_resource_id = ${cleo.resource} where id = ${ana.id}`;
      await third`update flex_crew_calls set department = 'lights' where id = ${call.id}`;
    });
    expect(await noted(sql)).toEqual([call.element]);
    await writer`commit`;
    await planner`commit`;
    writer.release();
    planner.release();
    expect(await noted(sql)).toEqual([call.element, call.element]);
  });

  test("do not make serializable transactions about other jobs fail", async () => {
    const { sql, call, other } = await stage();
    await sql`select flex_sync.enable_auto_sync()`;
    const [one, two] = [await sql.reserve(), await sql.reserve()];
    // By their ids, so that what the host itself reads is not what makes them fail.
    const rows = await sql`select ctid::text, job_id from job_assignments`;
    const ctid = (job: string) => rows.find((row) => row.job_id === job)?.ctid;
    for (const session of [one, two]) await session`begin isolation level serializable`;
    await one`update job_assignments set sound_role = 'MON' where ctid = ${ctid(call.job)}::tid`;
    await two`update job_assignments set sound_role = 'MON' where ctid = ${ctid(other.job)}::tid`;
    await one`update job_assignments set sound_role = 'SYS' where job_id = ${call.job} and technician_id = ${ana.id}`;
    await one`commit`;
    await two`commit`;
    one.release();
    two.release();
    expect((await noted(sql)).sort()).toEqual([call.element, other.element].sort());
  });

  test("go on whatever the trigger meets", async () => {
    const { sql, call } = await stage();
    await sql`select flex_sync.enable_auto_sync()`;
    await sql.unsafe(`
      create table public.odd (job_id text);
      create trigger odd_ids after insert on public.odd referencing new table as changed_rows
        for each statement execute function flex_sync.note_changed_assignments();
      create trigger odd_column after insert on public.odd referencing new table as changed_rows
        for each statement execute function flex_sync.note_changed_assignments('no_such_column');
      insert into public.odd values ('not an id'), (null);`);
    await sql`revoke all on flex_sync.due_elements from public`;
    await sql`alter table flex_sync.due_elements rename to gone`;
    await unassign(sql, call, [ana]);
    expect(await sql`select from job_assignments where job_id = ${call.job}`).toEqual([]);
  });
});

test("triggers of an earlier version are made anew", async () => {
  const { sql } = await createDatabase();
  await sql.unsafe(`
    create trigger flex_sync_auto_update after update on job_assignments
      referencing new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
    create trigger flex_sync_auto_update_from after update on job_assignments
      referencing old table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
    select flex_sync.enable_auto_sync()`);
  const triggers = await sql`select format('%s on %s', tgname, tgrelid::regclass) as is from pg_trigger
    where tgname like 'flex\\_sync\\_auto\\_%' order by 1`;
  expect(triggers.map((trigger) => trigger.is)).toEqual([
    "flex_sync_auto_delete on job_assignments",
    "flex_sync_auto_insert on flex_crew_calls",
    "flex_sync_auto_insert on job_assignments",
    "flex_sync_auto_insert on profiles",
    "flex_sync_auto_truncate on job_assignments",
    "flex_sync_auto_update on flex_crew_calls",
    "flex_sync_auto_update on job_assignments",
    "flex_sync_auto_update on profiles",
  ]);
  await sql`select flex_sync.disable_auto_sync()`;
  expect(await sql`select from pg_trigger where tgname like 'flex\\_sync\\_auto\\_%'`).toEqual([]);
});
