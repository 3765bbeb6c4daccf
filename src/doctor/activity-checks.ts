import type { Sql } from "postgres";
import { type Check, check, type Found, fail, ok, type Patient, warn } from "./check.ts";

/** An application that holds an element while it does nothing else. */
const HOLDING_S = 2;
/** An old transaction keeps dead rows from being cleared away. */
const OLD_S = 300;

/** What other sessions of the database do to us. */
export async function activityChecks({ sql }: Patient): Promise<Check[]> {
  return [
    await check("idle_transactions", () => idleTransactions(sql)),
    await check("sequences", () => sequences(sql)),
  ];
}

/** @param oldS after so many seconds a transaction that does nothing is told of */
export async function idleTransactions(sql: Sql, oldS: number = OLD_S): Promise<Found> {
  const rows = await sql<
    { pid: number; name: string; idle: number; element: string | null; hidden: boolean }[]
  >`
    select pid, coalesce(nullif(application_name, ''), usename, 'unnamed') as name,
      extract(epoch from clock_timestamp() - state_change)::float8 as idle,
      (
        select elements.flex_element_id
        from pg_locks
        join flex_sync.elements
          on hashtextextended('flex_sync element ' || elements.flex_element_id, 0) = (classid::bigint << 32) | objid::bigint
        where pg_locks.pid = pg_stat_activity.pid
          and locktype = 'advisory'
          and granted
          and objsubid = 1
        limit 1
      ) as element,
      state is null as hidden
    from pg_stat_activity
    where datname = current_database()
      and pid <> pg_backend_pid()
      and (state like 'idle in transaction%' or state is null)
    order by state_change`;
  const holder = rows.find(({ element, idle }) => element !== null && idle >= HOLDING_S);
  if (holder) {
    return fail(
      `session ${holder.pid} (${holder.name}) called sync_crew_call and has been idle in its transaction for ${Math.round(holder.idle)} s: nobody plans element ${holder.element} meanwhile`,
      "Let the application commit right after the call; for now:",
      `select pg_terminate_backend(${holder.pid});`,
    );
  }
  const old = rows.find(({ hidden, idle }) => !hidden && idle >= oldS);
  if (old) {
    return warn(
      `session ${old.pid} (${old.name}) has been idle in its transaction for ${Math.round(old.idle)} s: nothing that died since is cleared away`,
      "Let the application end its transactions; for now:",
      `select pg_terminate_backend(${old.pid});`,
    );
  }
  const hidden = rows.some((row) => row.hidden);
  return ok(
    `no transaction stands in the way${hidden ? " (sessions of other users are hidden from this one)" : ""}`,
  );
}

/** After a dump was restored without its sequences, new rows would take numbers that are there. */
async function sequences(sql: Sql): Promise<Found> {
  const columns = await sql<
    { name: string; table: string; column: string; last: string | null; most: string }[]
  >`
    select seqrelid::regclass::text as name, attrelid::regclass::text as table, quote_ident(attname) as column,
      case when has_sequence_privilege(seqrelid, 'usage,select') then coalesce(pg_sequence_last_value(seqrelid), 0) end::text as last,
      seqmax::text as most
    from pg_sequence
    join pg_depend on pg_depend.objid = seqrelid and pg_depend.deptype in ('i', 'a') and pg_depend.refobjsubid > 0
    join pg_attribute on attrelid = refobjid and attnum = refobjsubid
    join pg_class on pg_class.oid = attrelid
    where relnamespace = 'flex_sync'::regnamespace
    order by name`;
  const readable = columns.filter(({ last }) => last !== null);
  for (const { name, table, column, last, most } of readable) {
    // Names from the catalogue, quoted by the catalogue.
    const [row] = await sql.unsafe<{ highest: string | null }[]>(
      `select max(${column})::text as highest from ${table}`,
    );
    if (BigInt(row?.highest ?? 0) > BigInt(last ?? 0)) {
      return fail(
        `the sequence ${name} is behind its table: new rows would take numbers that are there`,
        "It was restored without its value. Set it:",
        `select setval('${name}', (select max(${column}) from ${table}));`,
      );
    }
    if (BigInt(last ?? 0) > (BigInt(most) / 10n) * 9n) {
      return warn(`the sequence ${name} is nearly used up`, `Make ${table}.${column} a bigint.`);
    }
  }
  return ok(`${readable.length} sequences are ahead of their tables`);
}
