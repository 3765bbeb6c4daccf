import { spawnSync } from "node:child_process";
import type { Sql } from "postgres";
import { catalogue } from "../migrations/catalogue.ts";
import { dumpsThisServer } from "../operation/backup.ts";

/** Everything of a host's database but the schema flex_sync, one entry for each thing: a label, and what it is. */
export type HostDump = ReadonlyMap<string, string>;

/** What two dumps differ in, by label: `came` and `gone`; what changed is in both. */
export type Difference = { came: string[]; gone: string[] };

/** Dump with pg_dump where this machine's may dump this server, from the catalogue otherwise. Asked as a superuser. */
export async function dumpHost(sql: Sql, url: string): Promise<HostDump> {
  return (await dumpsThisServer(sql)) ? byPgDump(url) : fromCatalogue(sql);
}

export function differenceOf(before: HostDump, after: HostDump): Difference {
  const missing = (from: HostDump, to: HostDump) =>
    [
      ...new Set([...from].filter(([key, text]) => to.get(key) !== text).map(([key]) => key.split("\n")[0])),
    ].sort() as string[];
  return { came: missing(after, before), gone: missing(before, after) };
}

/** `label, newline, what makes it unique`; several rows of a table have one label. */
function toDump(entries: { label: string; text: string }[]): HostDump {
  return new Map(entries.map(({ label, text }) => [`${label}\n${text}`, text]));
}

function byPgDump(url: string): HostDump {
  const { status, stdout, stderr } = spawnSync(
    "pg_dump",
    ["--inserts", "--exclude-schema=flex_sync", "--restrict-key=x", url],
    { encoding: "utf8", maxBuffer: 64 * 2 ** 20 },
  );
  // A pg_dump without the key of later minor versions is as good.
  const text = status === 0 ? stdout : plainDump(url, stderr);
  const entries = text
    // Settings stand between entries, before whichever needs them first.
    .replaceAll(/^SET default_.*$/gm, "")
    .replace(/^--\n-- PostgreSQL database dump complete[\s\S]*/m, "")
    .split(/^--\n-- (?=(?:Data for )?Name: )/m)
    .slice(1);
  return toDump(
    entries.flatMap((entry) => {
      const [, name = "", type = ""] = /Name: (.*?); Type: (.*?);/.exec(entry) ?? [];
      const body = entry.slice(entry.indexOf("\n")).trim();
      if (type === "SEQUENCE SET") return [];
      if (type !== "TABLE DATA") return [{ label: labelOf(type, name), text: body }];
      return [...body.matchAll(/^INSERT INTO [\s\S]*?;$/gm)].map(([row]) => ({
        label: `row ${name}`,
        text: row,
      }));
    }),
  );
}

function plainDump(url: string, why: string): string {
  const dumped = spawnSync("pg_dump", ["--inserts", "--exclude-schema=flex_sync", url], {
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
  });
  if (dumped.status !== 0) throw new Error(`pg_dump: ${why}${dumped.stderr}`);
  return dumped.stdout.replaceAll(/^\\(un)?restrict .*$/gm, "");
}

/** One label for a thing, whatever is said of it: its privileges and its comment are part of it. */
function labelOf(type: string, name: string): string {
  if (type === "ACL" || type === "COMMENT") {
    const [, of = "", what = ""] = /^(\S+) (.*)$/.exec(name) ?? [];
    return labelOf(of === "COLUMN" ? "TABLE" : of, of === "COLUMN" ? (what.split(".")[0] ?? "") : what);
  }
  if (type === "ROW SECURITY" || type === "DEFAULT") return `table ${name.split(" ")[0]}`;
  if (/^(FK )?CONSTRAINT$/.test(type)) return `constraint ${name.split(" ").at(-1)}`;
  if (type === "TRIGGER" || type === "POLICY") return `${type.toLowerCase()} ${name.split(" ").at(-1)}`;
  return `${type.toLowerCase()} ${name.replace(/\(.*/, "")}`;
}

async function fromCatalogue(sql: Sql): Promise<HostDump> {
  const schemas = await sql<{ name: string }[]>`
    select nspname as name from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'flex_sync') order by 1`;
  const names = schemas.map(({ name }) => name);
  const described = await catalogue(sql, names);
  const more = await sql<{ entry: string }[]>`
    select concat_ws(' ', 'owner', relkind, pg_class.oid::regclass, relowner::regrole, relforcerowsecurity) as entry
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = any (${names}) and relkind in ('r', 'p', 'v', 'S')
    union all
    select concat_ws(' ', 'defaults', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl::text) from pg_default_acl
    union all
    select concat_ws(' ', 'enabled', tgname, tgrelid::regclass, tgenabled) from pg_trigger
    join pg_class on pg_class.oid = tgrelid join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = any (${names}) and not tgisinternal
    union all
    select concat_ws(' ', 'policy', polrelid::regclass, polname, polroles::regrole[]::text, pg_get_expr(polwithcheck, polrelid))
    from pg_policy join pg_class on pg_class.oid = polrelid join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = any (${names})`;
  const entries = [...described, ...more.map(({ entry }) => entry)];
  const indexes = new Set(
    entries
      .filter((entry) => /^relation \S+ [iI] /.test(`${entry} `))
      .map((entry) => bare(entry.split(" ")[1])),
  );
  const constraints = new Set(
    entries.filter((entry) => entry.startsWith("constraint ")).map((entry) => entry.split(" ")[2]),
  );
  const labelled = entries.map((entry) => ({
    label: catalogueLabel(entry, indexes, constraints),
    text: entry,
  }));
  return toDump([...labelled, ...(await rowsOf(sql, names))]);
}

function catalogueLabel(
  entry: string,
  indexes: ReadonlySet<string>,
  constraints: ReadonlySet<string | undefined>,
): string {
  const [kind = "", first = "", second = ""] = entry.split(" ");
  const name = bare(first);
  const relation = indexes.has(name) ? (constraints.has(name) ? "constraint" : "index") : "table";
  switch (kind) {
    case "relation":
    case "column":
      return `${relation} ${name}`;
    case "owner":
      return `table ${bare(second)}`;
    case "constraint":
    case "policy":
      return `${kind} ${second}`;
    case "function":
      return `function ${/(?:FUNCTION|PROCEDURE) (?:\w+\.)?(\w+)\(/.exec(entry)?.[1]}`;
    case "trigger":
      return `trigger ${/TRIGGER (\w+)/.exec(entry)?.[1]}`;
    case "enabled":
      return `trigger ${first}`;
    default:
      return `${kind} ${first}`;
  }
}

const bare = (name = "") => name.replace(/^.*\./, "").replaceAll('"', "");

async function rowsOf(sql: Sql, schemas: string[]): Promise<{ label: string; text: string }[]> {
  const tables = await sql<{ name: string; plain: string }[]>`
    select format('%I.%I', nspname, relname) as name, relname as plain
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = any (${schemas}) and relkind = 'r' order by 1`;
  const found: { label: string; text: string }[] = [];
  for (const { name, plain } of tables) {
    const rows = await sql.unsafe<{ row: string }[]>(`select to_jsonb(one)::text as row from ${name} as one`);
    for (const { row } of rows) found.push({ label: `row ${plain}`, text: row });
  }
  return found;
}
