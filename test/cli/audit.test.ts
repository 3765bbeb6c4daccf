import { describe, expect, test } from "vitest";
import { ana, ben, cleo, dan } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { cli } from "./command-line.ts";
import { setStage } from "./stage.ts";

const HOST = `
  create schema app;
  create table app.jobs (id uuid primary key default gen_random_uuid());
  create table app.profiles (id uuid primary key default gen_random_uuid(), flex_resource_id text, department text);
  create table app.job_assignments (job_id uuid, technician_id uuid, sound_role text, lights_role text, video_role text);
  create table app.flex_crew_calls (id uuid primary key default gen_random_uuid(), job_id uuid, department text, flex_element_id uuid);
  create table app.flex_crew_assignments (
    id uuid primary key default gen_random_uuid(), crew_call_id uuid, technician_id uuid, flex_line_item_id text,
    created_at timestamptz default clock_timestamp());
  insert into app.jobs (id) values ('00000000-0000-4000-8000-000000000001');
  insert into app.flex_crew_calls (job_id, department) select id, 'sound' from app.jobs;`;

/** The names of the findings with rows, and how many. */
async function findings(args: string[], url: string) {
  const { code, stdout } = await cli(["audit", "--json", ...args], { DATABASE_URL: url });
  const report = JSON.parse(stdout) as { findings: { name: string; rows: object[] }[]; clean: boolean };
  const found = report.findings.filter(({ rows }) => rows.length > 0);
  return { code, report, found: Object.fromEntries(found.map(({ name, rows }) => [name, rows.length])) };
}

describe("flex-crew-sync audit", () => {
  test("works before anything is installed, and in any schema", async () => {
    const { url, sql } = await createDatabase({ template: "empty" });
    await sql.unsafe(HOST);
    const people = [
      ana,
      { ...ben, resource: " " },
      { ...cleo, resource: "CLEO" },
      { ...dan, role: "none", resource: null },
    ];
    for (const { id, resource, role } of people) {
      await sql`insert into app.profiles values (${id}, ${resource})`;
      await sql`insert into app.job_assignments select id, ${id}, ${role} from app.jobs`;
    }
    for (const line of ["first", "second", "third"]) {
      await sql`insert into app.flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
        select id, ${ana.id}, ${line} from app.flex_crew_calls`;
    }
    const { code, found, report } = await findings(["--host-schema", "app"], url);
    expect(found).toEqual({
      duplicate_assignments: 1,
      people_without_resource: 1,
      people_with_malformed_resource: 1,
      crew_calls_without_element: 1,
      assigned_and_not_recorded: 2,
    });
    expect(report.findings.find(({ name }) => name === "duplicate_assignments")?.rows).toMatchObject([
      { technician_id: ana.id, rows: 3, flex_line_item_ids: ["first", "second", "third"] },
    ]);
    expect(code).toBe(1);
    const words = await cli(["audit", "--host-schema", "app"], { DATABASE_URL: url });
    expect(words.stdout).toContain("duplicate_assignments: 1");
    expect(words.stdout).toContain("not installed yet");
  });

  test("says which schema it looked in when there is nothing", async () => {
    const { url } = await createDatabase({ template: "empty" });
    const { code, stdout } = await cli(["audit", "--json"], { DATABASE_URL: url });
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "NOHOS" } });
    expect(code).toBe(2);
  });

  test("leaves out what it cannot ask, and says so", async () => {
    const { url, sql } = await createDatabase({ template: "empty" });
    await sql`create table profiles (id int primary key)`;
    const { code, found } = await findings([], url);
    expect(found).toEqual({ missing_tables_or_columns: 4 });
    expect(code).toBe(0);
  });

  test("fails where a policy would hide rows", async () => {
    const { url, sql, name } = await createDatabase();
    const user = `flex_test_audit_${name.slice(-12)}`;
    await sql.unsafe(`create role ${user} login password 'audit-password' in role flex_sync_operator`);
    await sql.unsafe(`grant select on all tables in schema public to ${user}`);
    const its = new URL(url);
    its.username = user;
    its.password = "audit-password";
    const { code, stderr } = await cli(["audit"], { DATABASE_URL: its.href });
    expect(code).toBe(2);
    expect(stderr).toContain("bypassrls");
    await sql.unsafe(`drop owned by ${user}`);
    await sql.unsafe(`drop role ${user}`);
  });

  test("finds drift after the installation, writes nothing, and finds nothing after a sync", async () => {
    const { url, env, sql, flex, makeCall, drainOnce } = await setStage();
    const call = await makeCall({ desired: [ana, ben, cleo] });
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    expect((await findings([], url)).found).toEqual({});
    const [first] = flex.contactLinesOf(call.element);
    flex.humanDeletes(first?.id as string);
    flex.humanAdds(call.element, ben.resource as string);
    flex.humanAdds(call.element, dan.resource as string);
    await sql`delete from job_assignments where technician_id = ${cleo.id}`;
    await sql`select flex_sync.set_policy(${call.id}, 'report')`;
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    const { code, found } = await findings([], url);
    expect(found).toMatchObject({ recorded_and_not_in_flex: 1, people_twice_in_flex: 1, foreign_lines: 1 });
    expect(found).toMatchObject({ recorded_and_not_desired: 1 });
    expect(code).toBe(1);
    expect(env.DATABASE_URL).toBe(url);
  });
});
