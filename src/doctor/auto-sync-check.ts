import type { Sql } from "postgres";
import { type Found, fail, ok, warn } from "./check.ts";

/** How many triggers `enable_auto_sync` makes. */
const AUTO_SYNC_TRIGGERS = 8;

/** @param triggers how many of them are on the host's tables */
export async function autoSync(sql: Sql, triggers: number): Promise<Found> {
  if (triggers === 0) return ok("off: somebody asks for syncs");
  if (triggers < AUTO_SYNC_TRIGGERS) {
    return fail(
      `${triggers} of ${AUTO_SYNC_TRIGGERS} triggers are there: some changes of the crew request nothing`,
      "Make them anew:",
      "select flex_sync.enable_auto_sync();",
    );
  }
  const tables = await unwatched(sql);
  if (tables.length === 0) return ok("on: changes of the crew request syncs");
  return warn(
    `desired_crew reads ${tables.map(({ table }) => table).join(", ")}, and changes there request nothing`,
    "Put triggers on what changes the crew, as docs/automatic.md says: the argument names the column with ids of jobs or crew calls.",
    tables.every(({ column }) => column !== null) ? tables.map(triggersOn).join("\n") : null,
  );
}

type Table = { table: string; column: string | null };

/** Tables that the view names, itself or through other views, without a trigger that calls a function of ours. */
async function unwatched(sql: Sql): Promise<Table[]> {
  return sql<Table[]>`
    with recursive
    read as (
      select 'flex_sync.desired_crew'::regclass::oid as id
      union
      select refobjid
      from read
      join pg_rewrite on ev_class = read.id
      join pg_depend on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid and refclassid = 'pg_class'::regclass
    )
    select format('%I.%I', nspname, relname) as table, (
      select attname::text from pg_attribute
      where attrelid = read.id and not attisdropped and attname = any (case relname when 'jobs' then '{id}' else '{job_id,crew_call_id}' end::text[])
      order by attname desc limit 1
    ) as column
    from read
    join pg_class on pg_class.oid = read.id and relkind in ('r', 'p')
    join pg_namespace on pg_namespace.oid = relnamespace
    where not exists (
      select from pg_trigger join pg_proc on pg_proc.oid = tgfoid
      where tgrelid = read.id and pronamespace = 'flex_sync'::regnamespace and proname like 'note\\_changed\\_%'
    )
    order by 1`;
}

function triggersOn({ table, column }: Table): string {
  const run = `for each statement execute function flex_sync.note_changed_assignments('${column}');`;
  const [former, changed] = ["old table as former_rows", "new table as changed_rows"];
  return [
    `create trigger sync_inserted after insert on ${table} referencing ${changed} ${run}`,
    `create trigger sync_updated after update on ${table} referencing ${former} ${changed} ${run}`,
    `create trigger sync_deleted after delete on ${table} referencing ${former} ${run}`,
  ].join("\n");
}
