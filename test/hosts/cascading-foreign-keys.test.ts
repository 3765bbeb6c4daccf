import { expect, test } from "vitest";
import { ana, ben } from "../crew-call.ts";
import { startHost } from "./host.ts";
import { condition, drain, inFlex, install, liveThrough, request } from "./live-through.ts";

/** Everything hangs together, and other tables hang on it. */
const TABLES = `
  create table tours (id int primary key);
  create table jobs (id uuid primary key, tour_id int references tours (id) on delete cascade on update cascade);
  create table profiles (id uuid primary key, flex_resource_id text, department text);
  create table job_assignments (
    job_id uuid references jobs (id) on delete cascade on update cascade,
    technician_id uuid references profiles (id) on delete cascade on update cascade,
    sound_role text, lights_role text, video_role text, primary key (job_id, technician_id)
  );
  create table flex_crew_calls (
    id uuid primary key, job_id uuid references jobs (id) on delete cascade on update cascade, department text, flex_element_id text
  );
  create table flex_crew_assignments (
    id uuid primary key default gen_random_uuid(),
    crew_call_id uuid references flex_crew_calls (id) on delete cascade on update cascade,
    technician_id uuid references profiles (id) on delete cascade deferrable initially deferred,
    flex_line_item_id text, created_at timestamptz default now()
  );
  create table timesheets (assignment_id uuid references flex_crew_assignments (id) on delete set null, hours int);
  create table call_sheets (crew_call_id uuid primary key references flex_crew_calls (id) on delete cascade);
  create view crew_board as select job_id, technician_id, flex_line_item_id from flex_crew_assignments join flex_crew_calls on flex_crew_calls.id = crew_call_id;`;

test("cascading foreign keys, deferred ones, and tables and views that hang on ours", () =>
  liveThrough({ tables: TABLES }));

test("a tour that is deleted takes jobs, crew calls and rows along, and nobody stays in Flex", async () => {
  const host = await startHost({ tables: TABLES });
  await install(host);
  await host.sql`grant flex_sync_drainer to flex_daemon`;
  await host.sql`insert into tours values (1)`;
  await host.sql`update jobs set tour_id = 1`;
  await request(host);
  await drain(host);
  expect(inFlex(host)).toEqual([ana.resource, ben.resource]);
  expect(await condition(host)).toBe("synced");
  await host.sql`delete from tours`;
  await drain(host);
  expect(await host.sql`select from flex_crew_assignments`).toHaveLength(0);
  expect(inFlex(host)).toEqual([]);
});
