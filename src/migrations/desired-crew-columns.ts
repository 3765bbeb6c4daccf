import type { DatabaseClient } from "./database-client.ts";

const COLUMNS = ["crew_call_id uuid", "technician_id uuid", "flex_resource_id text", "role_code text"];

/** What a view in the place of `flex_sync.desired_crew` has to look like. */
export const DESIRED_CREW = `create or replace view flex_sync.desired_crew as select … with the columns ${COLUMNS.join(", ")}`;

/** What is wrong with the columns of `flex_sync.desired_crew`, in words; null where nothing is. More at its end are fine. */
export async function faultOfDesiredCrew(client: DatabaseClient): Promise<string | null> {
  const { rows } = await client.query(`
    select quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) as column
    from pg_attribute
    where attrelid = to_regclass('flex_sync.desired_crew')
      and attnum > 0
      and not attisdropped
    order by attnum`);
  const found = (rows as { column: string }[]).map(({ column }) => column);
  if (found.length === 0) return "the view flex_sync.desired_crew is missing";
  const faults = COLUMNS.flatMap((wanted, index) => {
    const there = found[index];
    if (there === wanted) return [];
    return [
      there === undefined
        ? `${wanted} is missing`
        : `column ${index + 1} is ${there} and has to be ${wanted}`,
    ];
  });
  return faults.length > 0 ? `flex_sync.desired_crew does not fit: ${faults.join("; ")}` : null;
}
