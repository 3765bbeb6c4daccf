import type { Question } from "./audit.ts";

/** A Flex id as text, compared trimmed and lower-case. */
const UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
const BLANK = " \t\r\n";

const ASSIGNED = [
  "profiles.id",
  "profiles.flex_resource_id",
  "job_assignments.technician_id",
  "job_assignments.sound_role",
  "job_assignments.lights_role",
  "job_assignments.video_role",
];
const CREW_CALLS = [
  "flex_crew_calls.id",
  "flex_crew_calls.job_id",
  "flex_crew_calls.department",
  "flex_crew_calls.flex_element_id",
];

/** What the host's own tables can be asked, whether flex-crew-sync is installed or not. */
export const hostQuestions: Question[] = [
  {
    kind: "problem",
    name: "duplicate_assignments",
    meaning:
      "People recorded more than once on one crew call; the first row is the oldest and the one that stays.",
    mend: "migrate keeps the oldest row and a copy of every removed one; the first sync clears the surplus lines in Flex.",
    needs: ["id", "crew_call_id", "technician_id", "flex_line_item_id", "created_at"].map(
      (column) => `flex_crew_assignments.${column}`,
    ),
    rows: (sql, schema) => sql`
      select crew_call_id::text, technician_id::text, count(*)::int as rows,
        (array_agg(id::text order by created_at nulls last, id))[1] as kept_id,
        (array_agg(id::text order by created_at nulls last, id))[2:] as surplus_ids,
        array_agg(coalesce(flex_line_item_id::text, '-') order by created_at nulls last, id) as flex_line_item_ids
      from ${sql(schema)}.flex_crew_assignments
      where crew_call_id is not null and technician_id is not null
      group by crew_call_id, technician_id
      having count(*) > 1
      order by 1, 2`,
  },
  {
    kind: "problem",
    name: "people_without_resource",
    meaning: "People with a role on a job, but without a Flex id: nobody can put them on a crew call.",
    mend: "Set profiles.flex_resource_id to the person's contact id in Flex.",
    needs: ASSIGNED,
    rows: (sql, schema) => sql`
      select profiles.id::text as technician_id, count(*)::int as assignments
      from ${sql(schema)}.profiles
      join ${sql(schema)}.job_assignments on job_assignments.technician_id = profiles.id
      where ${hasRole(sql)}
        and coalesce(btrim(profiles.flex_resource_id::text, ${BLANK}), '') = ''
      group by profiles.id
      order by 1`,
  },
  {
    kind: "problem",
    name: "people_with_malformed_resource",
    meaning: "People with a role on a job whose flex_resource_id is no Flex id.",
    mend: "Correct profiles.flex_resource_id: it is a UUID, the person's contact id in Flex.",
    needs: ASSIGNED,
    rows: (sql, schema) => sql`
      select profiles.id::text as technician_id, left(profiles.flex_resource_id::text, 60) as flex_resource_id
      from ${sql(schema)}.profiles
      join ${sql(schema)}.job_assignments on job_assignments.technician_id = profiles.id
      where ${hasRole(sql)}
        and btrim(profiles.flex_resource_id::text, ${BLANK}) <> ''
        and lower(btrim(profiles.flex_resource_id::text, ${BLANK})) !~ ${UUID}
      group by profiles.id, profiles.flex_resource_id
      order by 1`,
  },
  {
    kind: "note",
    name: "people_sharing_resource",
    meaning: "Several people with one Flex id: they share one line.",
    mend: "Correct profiles.flex_resource_id, unless it is one person with two profiles.",
    needs: ["profiles.id", "profiles.flex_resource_id"],
    rows: (sql, schema) => sql`
      select lower(btrim(flex_resource_id::text, ${BLANK})) as flex_resource_id, array_agg(id::text order by id) as technician_ids
      from ${sql(schema)}.profiles
      where btrim(flex_resource_id::text, ${BLANK}) <> ''
      group by 1
      having count(*) > 1
      order by 1`,
  },
  {
    kind: "problem",
    name: "crew_calls_without_element",
    meaning: "Crew calls that name no Flex document.",
    mend: "Set flex_crew_calls.flex_element_id to the crew call's id in Flex, or delete the row.",
    needs: CREW_CALLS,
    rows: (sql, schema) => sql`
      select id::text as crew_call_id, job_id::text, department::text
      from ${sql(schema)}.flex_crew_calls
      where coalesce(btrim(flex_element_id::text, ${BLANK}), '') = ''
      order by 1`,
  },
  {
    kind: "problem",
    name: "crew_calls_with_malformed_element",
    meaning: "Crew calls whose flex_element_id is no Flex id.",
    mend: "Correct flex_crew_calls.flex_element_id: it is a UUID, as in the address of the document in Flex.",
    needs: CREW_CALLS,
    rows: (sql, schema) => sql`
      select id::text as crew_call_id, job_id::text, department::text, left(flex_element_id::text, 60) as flex_element_id
      from ${sql(schema)}.flex_crew_calls
      where btrim(flex_element_id::text, ${BLANK}) <> ''
        and lower(btrim(flex_element_id::text, ${BLANK})) !~ ${UUID}
      order by 1`,
  },
  {
    kind: "note",
    name: "crew_calls_sharing_element",
    meaning: "Several crew calls on one Flex document: it shows everybody of all of them.",
    mend: "Nothing, if it is meant; otherwise correct flex_crew_calls.flex_element_id.",
    needs: CREW_CALLS,
    rows: (sql, schema) => sql`
      select lower(btrim(flex_element_id::text, ${BLANK})) as flex_element_id, array_agg(id::text order by id) as crew_call_ids
      from ${sql(schema)}.flex_crew_calls
      where btrim(flex_element_id::text, ${BLANK}) <> ''
      group by 1
      having count(*) > 1
      order by 1`,
  },
];

/** Whether an assignment puts the person on any crew call: a role that is not null, '' or 'none'. */
function hasRole(sql: Parameters<Question["rows"]>[0]) {
  return sql`exists (
    select from unnest(array[job_assignments.sound_role::text, job_assignments.lights_role::text, job_assignments.video_role::text]) as role
    where lower(btrim(coalesce(role, ''))) not in ('', 'none')
  )`;
}
