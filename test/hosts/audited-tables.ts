/** The tables of the audited application, as its migrations made them: types of its own, and nothing that is unique. */
export const AUDITED_TABLES = `
  create table jobs (id uuid primary key default gen_random_uuid(), title text, start_time timestamptz);
  create table profiles (
    id uuid primary key default gen_random_uuid(), first_name text, last_name text, department text, flex_resource_id text
  );
  create table job_assignments (
    id uuid primary key default gen_random_uuid(),
    job_id uuid references jobs (id) on delete cascade,
    technician_id uuid references profiles (id) on delete cascade,
    sound_role text, lights_role text, video_role text,
    assigned_at timestamptz default now()
  );
  create table flex_crew_calls (
    id uuid primary key default gen_random_uuid(),
    job_id uuid references jobs (id) on delete cascade,
    department text not null,
    flex_element_id text not null,
    created_at timestamptz default now()
  );
  create table flex_crew_assignments (
    id uuid primary key default gen_random_uuid(),
    crew_call_id uuid references flex_crew_calls (id) on delete cascade,
    technician_id uuid references profiles (id) on delete cascade,
    flex_line_item_id text not null,
    created_at timestamptz default now()
  );`;
