import type { Sql } from "postgres";

/** What a database holds before anything happened: every table with its rows, every sequence. */
export type Baseline = {
  tables: { name: string; rows: string }[];
  sequences: { name: string; last_value: string; is_called: boolean }[];
};

const TABLES = `
  select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname in ('flex_sync', 'public', 'model') order by 1`;
const SEQUENCES = `
  select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'S' and n.nspname in ('flex_sync', 'public', 'model') order by 1`;

export async function readBaseline(sql: Sql): Promise<Baseline> {
  const tables = await sql.unsafe<{ name: string }[]>(TABLES);
  const sequences = await sql.unsafe<{ name: string }[]>(SEQUENCES);
  return {
    tables: await Promise.all(
      tables.map(async ({ name }) => {
        const [row] = await sql.unsafe<[{ rows: string }]>(
          `select coalesce(jsonb_agg(to_jsonb(t.*)), '[]')::text as rows from ${name} as t`,
        );
        return { name, rows: row.rows };
      }),
    ),
    sequences: await Promise.all(
      sequences.map(async ({ name }) => {
        const [row] = await sql.unsafe<[{ last_value: string; is_called: boolean }]>(
          `select last_value, is_called from ${name}`,
        );
        return { name, ...row };
      }),
    ),
  };
}

let before = 0;

/** Bring every table and sequence back to the baseline; `random()` starts again from the seed. */
export async function reset(sql: Sql, { tables, sequences }: Baseline, seed: number): Promise<void> {
  const refill = tables.map(({ name, rows }) => {
    const emptied = `delete from ${name};`;
    if (rows === "[]") return emptied;
    return `${emptied} insert into ${name} overriding system value
      select * from jsonb_populate_recordset(null::${name}, '${rows.replaceAll("'", "''")}');`;
  });
  const restart = sequences.map(
    ({ name, last_value, is_called }) => `select setval('${name}', ${last_value}, ${is_called});`,
  );
  await sql.unsafe(
    `begin; set local session_replication_role = replica; ${refill.join("\n")} ${restart.join(" ")} commit;
     select setseed(${(seed % 1000) / 1000});`,
  );
  before += 1;
  // Deleted rows are walked over by every index scan until they are swept away.
  if (before % 25 === 0) await sql.unsafe("vacuum");
}
