import type { Sql } from "postgres";

/** A setting of the server that is not as it should be, with the statements that mend it where it was made. */
export type SettingFound = {
  /** What a session of this user has now. */
  value: string;
  /** `database`, `user`, `client`, `configuration file` …, as `pg_settings.source` says. */
  source: string;
  /** Statements that take it away for whom it was set; for somebody else, where this user has it well. */
  run: string | null;
};

/**
 * What is set for this user and database, and how it is taken away again.
 *
 * @param good what it should be
 * @param isGood whether a value will do
 */
export async function findSetting(
  sql: Sql,
  name: string,
  good: string,
  isGood: (value: string) => boolean,
): Promise<{ here: SettingFound | null; elsewhere: { whom: string; run: string }[] }> {
  const [setting] = await sql<{ value: string; source: string; database: string }[]>`
    select setting as value, source, quote_ident(current_database()) as database from pg_settings where name = ${name}`;
  if (!setting) return { here: null, elsewhere: [] };
  const set = (await settings(sql, name)).filter(({ value }) => !isGood(value));
  const resets = set.map((one) => ({ whom: one.whom, run: reset(name, one) }));
  if (isGood(setting.value)) return { here: null, elsewhere: resets };
  const mine = set.find(({ mine, whom_kind }) => mine && whom_kind === setting.source);
  const overruled = `alter database ${setting.database} set ${name} = ${good};`;
  const run = setting.source === "client" ? null : mine ? reset(name, mine) : overruled;
  return { here: { value: setting.value, source: setting.source, run }, elsewhere: resets };
}

type Set = {
  role: string | null;
  database: string | null;
  value: string;
  mine: boolean;
  whom_kind: string;
  whom: string;
};

async function settings(sql: Sql, name: string): Promise<Set[]> {
  return sql<Set[]>`
    select quote_ident(rolname) as role, quote_ident(datname) as database,
      substr(setting, length(${name}) + 2) as value,
      setrole = 0 or rolname = current_user as mine,
      case when setrole = 0 then 'database' when setdatabase = 0 then 'user' else 'database user' end as whom_kind,
      concat_ws(' in ', 'role ' || rolname, 'database ' || datname) as whom
    from pg_db_role_setting
    left join pg_roles on pg_roles.oid = setrole
    left join pg_database on pg_database.oid = setdatabase
    cross join unnest(setconfig) as setting
    where setting like ${`${name}=%`}
      and (setdatabase = 0 or datname = current_database())
    order by whom`;
}

function reset(name: string, { role, database }: Set): string {
  if (role === null) return `alter database ${database} reset ${name};`;
  return `alter role ${role}${database ? ` in database ${database}` : ""} reset ${name};`;
}
