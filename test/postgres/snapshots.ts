import type { ReservedSql, Sql, TransactionSql } from "postgres";

/** One row of a table, as `to_jsonb` gives it. */
export type Row = Record<string, unknown>;

/** Every row of every table that functions decide by, by `schema.table`. */
export type Rows = Record<string, Row[]>;

type Connection = Sql | ReservedSql | TransactionSql;

/** Take what the tables hold, and put it back as often as wanted. */
export interface Snapshots {
  take(): Promise<Rows>;
  /** Insert rows into empty tables, without the triggers that made them what they are. */
  put(sql: Connection, rows: Rows): Promise<void>;
  clear(sql: Connection): Promise<void>;
}

/** Tables that no function decides by: what people set, and what is only told. */
const LEFT_OUT = [
  "settings",
  "business_roles",
  "operator_log",
  "readings",
  "decisions",
  "last_decisions",
  "removed_duplicates",
];

export async function makeSnapshots(sql: Sql | ReservedSql): Promise<Snapshots> {
  const tables = await sql<{ name: string; columns: string }[]>`
    select format('%I.%I', n.nspname, c.relname) as name,
      string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where c.relkind = 'r'
      and (
        n.nspname = 'flex_sync' and c.relname <> all (${LEFT_OUT}) and c.relname not like '%migration%'
        or n.nspname = 'public' and c.relname in ('job_assignments', 'flex_crew_assignments')
      )
    group by 1 order by 1`;
  const take = tables.map(
    ({ name }) =>
      `'${name}', (select coalesce(jsonb_agg(to_jsonb(one)), '[]') from (select * from ${name} order by 1) as one)`,
  );
  const put = tables.map(
    ({ name, columns }) => `if jsonb_array_length(put.rows -> '${name}') > 0 then
      insert into ${name} (${columns}) overriding system value
      select ${columns} from jsonb_populate_recordset(null::${name}, put.rows -> '${name}'); end if;`,
  );
  const clear = tables.map(({ name }) => `delete from ${name};`);
  await sql.unsafe(`
    create schema snapshots;
    create function snapshots.take() returns jsonb language plpgsql as $$
      begin return jsonb_build_object(${take.join(", ")}); end $$;
    create function snapshots.put(rows jsonb) returns void language plpgsql set session_replication_role = replica as $$
      begin ${put.join("\n")} end $$;
    create function snapshots.clear() returns void language plpgsql set session_replication_role = replica as $$
      begin ${clear.join("\n")} end $$;`);
  return {
    take: async () => {
      const [row] = await sql<[{ rows: Rows }]>`select snapshots.take() as rows`;
      return row.rows;
    },
    put: async (on, rows) => void (await on`select snapshots.put(${on.json(rows as never)})`),
    clear: async (on) => void (await on`select snapshots.clear()`),
  };
}
