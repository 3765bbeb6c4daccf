import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { ana, assign, ben, type CrewCall, cleo, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { lastSync, sync } from "./asking.ts";
import { settleWith } from "./drain-with.ts";

/** Two crew calls with ana and ben on them, synced, and auto sync on. */
async function stage() {
  const { sql, url } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  const other = await makeCrewCall(sql, { desired: [ben], flex: call.flex });
  await sync(sql, call);
  await sync(sql, other);
  await sql`select flex_sync.enable_auto_sync()`;
  return { sql, url, call, other };
}

/** The elements that are noted for a sync, each as often as it is noted. */
async function noted(sql: Sql): Promise<string[]> {
  const rows = await sql`select flex_element_id from flex_sync.due_elements where requests_sync order by 1`;
  return rows.map((row) => row.flex_element_id as string);
}

const elements = (...calls: CrewCall[]) => calls.map(({ element }) => element).sort();

describe("a sync is requested of the crew calls that", () => {
  test("somebody is moved between", async () => {
    const { sql, call, other } = await stage();
    await sql`update job_assignments set job_id = ${other.job} where job_id = ${call.job}`;
    expect(await noted(sql)).toEqual(elements(call, other));
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
    expect(call.flex.resourcesOf(other.element).sort()).toEqual([ana.resource, ben.resource].sort());
  });

  test("lose everybody to a truncate", async () => {
    const { sql, call, other } = await stage();
    await makeCrewCall(sql);
    await sql`delete from flex_sync.due_elements`;
    await sql`truncate job_assignments`;
    expect(await noted(sql)).toEqual(elements(call, other));
  });

  test("come into being, or point at another element, which the old one is cleaned after", async () => {
    const { sql, call } = await stage();
    const fresh = await makeCrewCall(sql);
    expect(await noted(sql)).toEqual([fresh.element]);
    await sql`delete from flex_sync.due_elements`;
    const element = randomUUID();
    await sql`update flex_crew_calls set flex_element_id = ${element} where id = ${call.id}`;
    expect(await noted(sql)).toEqual([element]);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
    expect(call.flex.resourcesOf(element)).toEqual([ana.resource]);
  });

  test("somebody is on who becomes known, or gets another resource", async () => {
    const { sql, call } = await stage();
    await sql`alter table job_assignments drop constraint job_assignments_technician_id_fkey`;
    await sql`insert into job_assignments (job_id, technician_id, sound_role) values (${call.job}, ${cleo.id}, 'FOH')`;
    await sql`delete from flex_sync.due_elements`;
    await sql`insert into profiles (id, flex_resource_id) values (${cleo.id}, ${cleo.resource})`;
    expect(await noted(sql)).toEqual([call.element]);
    await sql`delete from flex_sync.due_elements`;
    await sql`update profiles set flex_resource_id = ${person(77).resource} where id = ${ana.id}`;
    expect(await noted(sql)).toEqual([call.element]);
  });
});

describe("nothing is requested", () => {
  test.each([
    ["by rows written as they were", "update job_assignments set sound_role = sound_role"],
    [
      "by an upsert of what is there",
      `insert into job_assignments (job_id, technician_id, sound_role) select job_id, technician_id, sound_role from job_assignments
       on conflict (job_id, technician_id) do update set sound_role = excluded.sound_role`,
    ],
    ["by a department that desired_crew does not read", "update profiles set department = 'lights'"],
    ["by a column of crew calls that desired_crew does not read", "update flex_crew_calls set note = 'seen'"],
    ["by a profile of nobody's", "insert into profiles (id) values (gen_random_uuid())"],
    [
      "by what is rolled back",
      `do $$ begin delete from job_assignments; raise exception 'no'; exception when others then null; end $$`,
    ],
    ["by statements that touch nothing", "delete from job_assignments where false"],
  ])("%s", async (_name, statement) => {
    const { sql } = await stage();
    await sql`alter table flex_crew_calls add column note text`;
    await sql.unsafe(statement);
    expect(await noted(sql)).toEqual([]);
  });
});

describe("once per transaction and element", () => {
  test("a statement of ten thousand rows leaves one note on each", async () => {
    const { sql } = await stage();
    const calls: CrewCall[] = [];
    for (let n = 0; n < 20; n += 1) calls.push(await makeCrewCall(sql));
    await sql`delete from flex_sync.due_elements`;
    await sql`insert into profiles (id) select gen_random_uuid() from generate_series(1, 500)`;
    await sql`insert into job_assignments (job_id, technician_id, sound_role)
      select job_id, profiles.id, 'FOH' from flex_crew_calls cross join profiles
      where flex_crew_calls.id in ${sql(calls.map(({ id }) => id))}
        and profiles.id not in (${ana.id}, ${ben.id})`;
    expect(await sql`select count(*)::int from job_assignments`).toEqual([{ count: 10_002 }]);
    expect(await noted(sql)).toEqual(elements(...calls));
    await sql`delete from flex_sync.due_elements`;
    await sql`update job_assignments set sound_role = 'MON' where technician_id not in (${ana.id}, ${ben.id})`;
    expect(await noted(sql)).toEqual(elements(...calls));
    await sql`delete from flex_sync.due_elements`;
    await sql`delete from job_assignments where technician_id not in (${ana.id}, ${ben.id})`;
    expect(await noted(sql)).toEqual(elements(...calls));
  });

  test("two thousand statements of a transaction leave one note on each, and those of the next one more", async () => {
    const { sql, call, other } = await stage();
    const flicker = () =>
      sql`do $$ begin
        for n in 1..1000 loop
          update job_assignments set sound_role = n::text where technician_id = '00000000-0000-0000-0000-000000000000';
          update job_assignments set sound_role = n::text where technician_id = ${sql.unsafe(`'${ana.id}'`)};
          update job_assignments set sound_role = n::text where technician_id = ${sql.unsafe(`'${ben.id}'`)};
        end loop;
      end $$`;
    await flicker();
    expect(await noted(sql)).toEqual(elements(call, other));
    await flicker();
    expect(await noted(sql)).toEqual(elements(call, call, other, other));
    await settleWith(sql, call.flex);
    expect(await lastSync(sql, call)).toMatchObject({ requested_by: "auto sync", outcome: "synced" });
    expect(await sql`select from flex_sync.syncs where requested_by = 'auto sync'`).toHaveLength(2);
  });

  test("deleted people leave one note on each element that holds their lines", async () => {
    const { sql } = await createDatabase();
    const people = Array.from({ length: 30 }, (_, n) => person(n + 1));
    const call = await makeCrewCall(sql, { desired: people });
    await sync(sql, call);
    await sql`delete from profiles`;
    expect(await sql`select flex_element_id, wants_reading from flex_sync.due_elements`).toEqual([
      { flex_element_id: call.element, wants_reading: true },
    ]);
  });

  test("what a savepoint takes back does not swallow what comes after it", async () => {
    const { sql, call, other } = await stage();
    const one = (await sql.reserve()) as unknown as Sql & { release(): void };
    await one`begin`;
    await one`savepoint before`;
    await unassign(one, call, [ana]);
    expect(await noted(one)).toEqual([call.element]);
    await one`rollback to before`;
    expect(await noted(one)).toEqual([]);
    await unassign(one, other, [ben]);
    await one`savepoint between`;
    await assign(one, other, [cleo]);
    await one`release between`;
    await assign(one, call, [cleo]);
    await one`commit`;
    one.release();
    expect(await noted(sql)).toEqual(elements(call, other));
  });

  test("nor does what somebody set for the session", async () => {
    const { sql, call } = await stage();
    const one = await sql.reserve();
    await one`select set_config('flex_sync.noted_f_t', '1 ' || ${call.element}, false)`;
    await one`delete from job_assignments where job_id = ${call.job}`;
    one.release();
    expect(await noted(sql)).toEqual([call.element]);
  });
});
