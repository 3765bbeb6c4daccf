import type { TransactionSql } from "postgres";
import type { Question } from "./audit.ts";

const NEEDS = [
  "job_assignments.job_id",
  "job_assignments.technician_id",
  "job_assignments.sound_role",
  "job_assignments.lights_role",
  "job_assignments.video_role",
  "flex_crew_calls.id",
  "flex_crew_calls.job_id",
  "flex_crew_calls.department",
  "flex_crew_assignments.crew_call_id",
  "flex_crew_assignments.technician_id",
];

/**
 * Drift as far as the host's rows tell before anything is installed: the crew of the job beside what an older sync
 * recorded. Notes, because who belongs on a crew call may be decided otherwise here.
 */
export const rowsQuestions: Question[] = [
  {
    kind: "note",
    name: "assigned_and_not_recorded",
    meaning: "People with a role of the crew call's department whom the older sync has not recorded there.",
    mend: "The first sync adds whoever is not in Flex; who is there is recorded.",
    needs: NEEDS,
    rows: (sql, schema) => sql`
      select assigned.crew_call_id::text, assigned.technician_id::text
      from (${assigned(sql, schema)}) as assigned
      where not exists (
        select from ${sql(schema)}.flex_crew_assignments as recorded
        where recorded.crew_call_id = assigned.crew_call_id and recorded.technician_id = assigned.technician_id
      )
      order by 1, 2`,
  },
  {
    kind: "note",
    name: "recorded_and_not_assigned",
    meaning: "People whom the older sync recorded on a crew call, without a role of its department by now.",
    mend: "Under policy owned or mirror the first sync removes their lines; see the plan under report first.",
    needs: NEEDS,
    rows: (sql, schema) => sql`
      select distinct recorded.crew_call_id::text, recorded.technician_id::text
      from ${sql(schema)}.flex_crew_assignments as recorded
      where not exists (
        select from (${assigned(sql, schema)}) as assigned
        where recorded.crew_call_id = assigned.crew_call_id and recorded.technician_id = assigned.technician_id
      )
      order by 1, 2`,
  },
];

/** Who is on each crew call, as the view desired_crew says where nobody replaces it. */
function assigned(sql: TransactionSql, schema: string) {
  return sql`
    select flex_crew_calls.id as crew_call_id, job_assignments.technician_id
    from ${sql(schema)}.flex_crew_calls
    join ${sql(schema)}.job_assignments on job_assignments.job_id = flex_crew_calls.job_id
    where lower(btrim(coalesce(
      case lower(btrim(flex_crew_calls.department::text))
        when 'sound' then job_assignments.sound_role::text
        when 'lights' then job_assignments.lights_role::text
        when 'video' then job_assignments.video_role::text
      end, ''))) not in ('', 'none')`;
}
