import type { Question } from "./audit.ts";

const MEND = "flex-crew-sync sync ID, or see why not: flex-crew-sync status ID";

/** What the installed views can be asked: desired, recorded, and what the last reading showed. */
export const driftQuestions: Question[] = [
  {
    kind: "problem",
    name: "missing_in_flex",
    meaning: "People desired whom the last reading of their crew call did not show.",
    mend: MEND,
    needs: [],
    rows: (sql) => sql`
      select crew_status.crew_call_id::text, technician_id::text, crew_status.condition, crew_status.reason
      from flex_sync.crew_status
      join flex_sync.crew_calls on crew_calls.id = crew_status.crew_call_id
      join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
      where crew_status.desired
        and elements.reading_at is not null
        and observed_line_item_id is null
        and crew_status.condition <> 'unmapped'
      order by 1, 2`,
  },
  {
    kind: "problem",
    name: "recorded_and_not_in_flex",
    meaning: "Recorded lines that the last reading did not show: somebody deleted them in Flex.",
    mend: MEND,
    needs: [],
    rows: (sql) => sql`
      select recorded_crew.crew_call_id::text, recorded_crew.technician_id::text, recorded_crew.flex_line_item_id
      from flex_sync.recorded_crew
      join flex_sync.crew_calls on crew_calls.id = recorded_crew.crew_call_id
      join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
      where elements.reading_at is not null
        and not exists (
          select from flex_sync.lines
          where lines.flex_element_id = crew_calls.flex_element_id
            and lines.flex_line_item_id = recorded_crew.flex_line_item_id
            and lines.present
        )
      order by 1, 2`,
  },
  {
    kind: "problem",
    name: "in_flex_and_not_recorded",
    meaning: "People desired and shown by Flex who are not recorded, or with another line.",
    mend: MEND,
    needs: [],
    rows: (sql) => sql`
      select crew_call_id::text, technician_id::text, observed_line_item_id, flex_line_item_id as recorded_line_item_id
      from flex_sync.crew_status
      where desired
        and observed_line_item_id is not null
        and flex_line_item_id is distinct from observed_line_item_id
      order by 1, 2`,
  },
  {
    kind: "problem",
    name: "recorded_and_not_desired",
    meaning: "People recorded on a crew call whom nobody wants there any more.",
    mend: MEND,
    needs: [],
    rows: (sql) => sql`
      select crew_call_id::text, technician_id::text, flex_line_item_id, condition, reason
      from flex_sync.crew_status
      where not desired
        and technician_id is not null
        and flex_line_item_id is not null
      order by 1, 2`,
  },
  {
    kind: "problem",
    name: "people_twice_in_flex",
    meaning: "Contacts that the last reading showed on more than one line of a document.",
    mend: "If they are shifts, leave them (a sync holds them for your yes); see flex-crew-sync sync ID --dry-run",
    needs: [],
    rows: (sql) => sql`
      select flex_element_id, flex_resource_id, count(*)::int as lines, array_agg(flex_line_item_id order by flex_line_item_id) as flex_line_item_ids
      from flex_sync.lines
      where present
        and flex_resource_id is not null
      group by flex_element_id, flex_resource_id
      having count(*) > 1
      order by 1, 2`,
  },
  {
    kind: "problem",
    name: "foreign_lines",
    meaning: "Contact lines in Flex that are not ours, of people whom nobody desires.",
    mend: "flex-crew-sync sync ID --dry-run says what a sync would do with them; the policy decides",
    needs: [],
    rows: (sql) => sql`
      select crew_call_id::text, observed_line_item_id as flex_line_item_id, flex_resource_id, condition, reason
      from flex_sync.crew_status
      where technician_id is null
        and observed_line_item_id is not null
      order by 1, 2`,
  },
  {
    kind: "note",
    name: "never_read",
    meaning: "Crew calls that were never read: nothing is known of them in Flex.",
    mend: "flex-crew-sync sync ID --dry-run, then flex-crew-sync sync ID",
    needs: [],
    rows: (sql) => sql`
      select crew_calls.id::text as crew_call_id, crew_calls.department
      from flex_sync.crew_calls
      left join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
      where elements.reading_at is null
        and crew_calls.flex_element_id <> ''
      order by 1`,
  },
];
