import { spawnSync } from "node:child_process";
import type { Sql } from "postgres";
import type { Stage } from "../drainer/stage.ts";

/** The rows of every table that a restored database would have again. */
export type Backup = { name: string; rows: unknown[] }[];

type Place = Pick<Stage, "sql">;

async function tables(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select oid::regclass::text as name from pg_class
    where relkind = 'r' and relnamespace in ('flex_sync'::regnamespace, 'public'::regnamespace) order by 1`;
  return rows.map(({ name }) => (name.includes(".") ? name : `public.${name}`));
}

export async function takeBackup({ sql }: Place): Promise<Backup> {
  const backup: Backup = [];
  for (const name of await tables(sql)) {
    const rows = await sql.unsafe(`select to_jsonb(saved) as row from ${name} as saved`);
    backup.push({ name, rows: rows.map(({ row }) => row) });
  }
  return backup;
}

/** What a restore does to the rows: all are as they were, in one go and without a trigger. */
export async function setBack({ sql }: Place, backup: Backup): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`;
    for (const { name } of backup) await transaction.unsafe(`delete from ${name}`);
    for (const { name, rows } of backup) {
      if (rows.length === 0) continue;
      const columns = await transaction<{ names: string }[]>`
        select string_agg(quote_ident(attname), ', ') as names from pg_attribute
        where attrelid = ${name}::regclass and attnum > 0 and not attisdropped and attgenerated = ''`;
      const names = columns[0]?.names;
      await transaction.unsafe(
        `insert into ${name} (${names}) overriding system value
          select ${names} from jsonb_populate_recordset(null::${name}, $1::jsonb)`,
        [rows as never],
      );
    }
  });
}

/** Whether the pg_dump of this machine may dump this server: it refuses newer ones. */
export async function dumpsThisServer(sql: Sql): Promise<boolean> {
  const { stdout } = spawnSync("pg_dump", ["--version"], { encoding: "utf8" });
  const [server] = await sql<
    [{ major: number }]
  >`select current_setting('server_version_num')::int / 10000 as major`;
  return Number(/(\d+)/.exec(stdout ?? "")?.[1] ?? 0) >= server.major;
}
