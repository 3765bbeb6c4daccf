import type { Sql } from "postgres";
import { ConfigurationError, FlexCrewSyncError } from "../errors.ts";

const WHOLE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BEGINNING = /^[0-9a-f]{4,8}(-[0-9a-f-]{0,27})?$/;

/**
 * What may name a crew call: its id or, as with git, the beginning of it; trimmed and lower-case, each once.
 *
 * @throws ConfigurationError BADID, which names the value
 */
export function checkCrewCallIds(values: readonly string[]): string[] {
  const ids = values.map((value) => value.trim().toLowerCase());
  const wrong = ids.findIndex((id) => !WHOLE.test(id) && !BEGINNING.test(id));
  if (wrong < 0) return [...new Set(ids)];
  throw new ConfigurationError(
    "BADID",
    `${JSON.stringify(values[wrong]?.slice(0, 80))} is not the id of a crew call`,
    "Pass flex_crew_calls.id (not the Flex element id), a UUID such as 3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60, or its beginning: flex-crew-sync status lists them.",
  );
}

/**
 * Whole ids for what `checkCrewCallIds` let pass.
 *
 * @throws FlexCrewSyncError NOCAL for a beginning that no crew call has; BADID for one that several have
 */
export async function wholeIds(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const whole = await Promise.all(ids.map((id) => (WHOLE.test(id) ? id : wholeId(sql, id))));
  return [...new Set(whole)];
}

async function wholeId(sql: Sql, beginning: string): Promise<string> {
  const rows = await sql<{ id: string }[]>`
    select distinct crew_call_id::text as id
    from flex_sync.crew_call_status
    where crew_call_id::text like ${`${beginning}%`}
    limit 4`;
  const [first, second] = rows;
  if (!first) throw unknown(beginning, "no crew call has an id that begins so");
  if (!second) return first.id;
  throw new ConfigurationError(
    "BADID",
    `${beginning} is the beginning of several ids`,
    `Pass more of it: ${rows.map(({ id }) => id).join(", ")}${rows.length > 3 ? " …" : ""}`,
  );
}

/** An error for an id that no crew call has. It says what else has it: people take a job's or Flex's own id. */
export async function unknownCrewCall(sql: Sql, id: string): Promise<FlexCrewSyncError> {
  const found = await whatElse(sql, id).catch(() => undefined);
  if (!found) return unknown(id, "no crew call has this id");
  const { what, crew_calls } = found;
  const jobs = what === "a job" ? `, or for all of them: flex-crew-sync sync --job ${id}` : "";
  return new FlexCrewSyncError(
    "NOCAL",
    `${id} is the id of ${what}, not of a crew call`,
    `Pass the crew call's: ${crew_calls.slice(0, 3).join(", ")}${crew_calls.length > 3 ? " …" : ""}${jobs}`,
  );
}

function unknown(id: string, message: string): FlexCrewSyncError {
  return new FlexCrewSyncError(
    "NOCAL",
    `${message}: ${id}`,
    "Pass flex_crew_calls.id, not the Flex element id: flex-crew-sync status lists them.",
  );
}

type Elsewhere = { what: string; crew_calls: string[] };

/** What has this id, as far as this database user may see. */
async function whatElse(sql: Sql, id: string): Promise<Elsewhere | undefined> {
  return sql.begin("read only", async (transaction) => {
    // The people of a whole season are many: an error message is worth two seconds.
    await transaction`select set_config('statement_timeout', '2000', true)`;
    const [row] = await transaction<{ what: string | null; crew_calls: string[] }[]>`
      with
      calls as (
        select case when job_id = ${id}::uuid then 'a job' else 'a crew call in Flex (an element)' end as what, crew_call_id
        from flex_sync.crew_call_status
        where job_id = ${id}::uuid
          or flex_element_id = ${id}
      ),
      people as (
        select case
            when technician_id = ${id}::uuid then 'a person'
            when flex_resource_id = ${id} then 'a person''s Flex contact (a resource)'
            else 'a line in Flex'
          end as what,
          crew_call_id
        from flex_sync.crew_status
        where not exists (select from calls)
          and (technician_id = ${id}::uuid or ${id} in (flex_resource_id, flex_line_item_id, observed_line_item_id))
      )
      select min(what) as what, array_agg(distinct crew_call_id::text) as crew_calls
      from (select * from calls union all select * from people) as found`;
    return row?.what ? { what: row.what, crew_calls: row.crew_calls } : undefined;
  }) as Promise<Elsewhere | undefined>;
}
