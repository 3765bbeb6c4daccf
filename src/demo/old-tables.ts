/** The host's tables as the audit found them: nothing keeps a person from having two rows on a crew call. */
export const OLD_TABLES = `
create table jobs (
  id uuid primary key,
  title text not null
);
create table profiles (
  id uuid primary key,
  full_name text not null,
  flex_resource_id text,
  department text
);
create table job_assignments (
  job_id uuid not null references jobs (id) on delete cascade,
  technician_id uuid not null references profiles (id) on delete cascade,
  sound_role text,
  lights_role text,
  video_role text,
  primary key (job_id, technician_id)
);
create table flex_crew_calls (
  id uuid primary key,
  job_id uuid not null references jobs (id) on delete cascade,
  department text not null,
  flex_element_id text
);
create table flex_crew_assignments (
  id uuid primary key default gen_random_uuid(),
  crew_call_id uuid not null references flex_crew_calls (id) on delete cascade,
  technician_id uuid not null references profiles (id) on delete cascade,
  flex_line_item_id text,
  created_at timestamptz not null default now()
);
`;
