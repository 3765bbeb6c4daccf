import { createHash } from "node:crypto";
import { committedMigrations, inHostSchema } from "./migrations/committed-migrations.ts";
import { type DatabaseTarget, withClient } from "./migrations/database-client.ts";
import { readLedger } from "./migrations/ledger.ts";

/** How the functions in a database differ from those of this package; all empty where they are equal. */
export interface FunctionDifferences {
  /** In the package, not in the database. */
  missing: string[];
  /** In both, with another text, other rights of their own (`security definer`), volatility or settings. */
  changed: string[];
}

/** Functions that a host replaces on purpose. */
const HOOKS = new Set(["flex_sync.may_sync"]);

const DEFINITION =
  /^create (?:or replace )?function ([a-z_]+\.[a-z_]+)\s*(\(.*?)^\s*as (\$\w*\$)(.*?)\3|^drop function (?:if exists )?([a-z_]+\.[a-z_]+)/gims;

/** A fingerprint of each function that a series of migrations leaves behind, by its name with schema. */
export function shippedFunctions(sqls: string[]): Map<string, string> {
  return lastDefinitions(sqls, ([, , signature = "", , body = ""]) =>
    fingerprint({
      body: md5(body),
      definer: /^\s*security definer\b/im.test(signature),
      volatility: /^\s*(immutable|stable)\b/im.exec(signature)?.[1]?.toLowerCase() ?? "volatile",
      settings: [...signature.matchAll(/^\s*set (\w+) (?:=|to) (.*?)\s*$/gim)].map(
        ([, name, value]) => `${name}=${value}`,
      ),
    }),
  );
}

/** What makes a function the one that was shipped. */
type Traits = { body: string; definer: boolean; volatility: string; settings: string[] };

function fingerprint({ body, definer, volatility, settings }: Traits): string {
  const spaceless = settings.map((setting) => setting.replaceAll(/[\s'"]/g, "")).sort();
  return [body, definer ? "definer" : "invoker", volatility, ...spaceless].join(" ");
}

/** The statement that creates each function that a series of migrations leaves behind, by its name with schema. */
export function shippedStatements(sqls: string[]): Map<string, string> {
  return lastDefinitions(
    sqls,
    ([statement]) => `${statement.replace(/^create function/i, "create or replace function")};`,
  );
}

function lastDefinitions(sqls: string[], read: (found: RegExpMatchArray) => string): Map<string, string> {
  const last = new Map<string, string>();
  for (const sql of sqls) {
    for (const found of sql.matchAll(DEFINITION)) {
      const [, name, , , body, dropped] = found;
      if (name && body !== undefined) last.set(name.toLowerCase(), read(found));
      if (dropped) last.delete(dropped.toLowerCase());
    }
  }
  return last;
}

/** Compare the functions in a database with those of this package, for `doctor`: somebody may have edited one. */
export async function compareFunctions(
  target: DatabaseTarget,
  sqls?: string[],
): Promise<FunctionDifferences> {
  return withClient(target, async (client) => {
    const hostSchema = (await readLedger(client)).at(-1)?.host_schema ?? "public";
    const texts = sqls ?? committedMigrations().map(({ sql }) => sql);
    const shipped = shippedFunctions(texts.map((sql) => inHostSchema(sql, hostSchema)));
    const { rows } = await client.query(
      `select nspname || '.' || proname as name, md5(prosrc) as body, prosecdef as definer,
         case provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
         coalesce(proconfig, '{}') as settings
       from pg_proc
       join pg_namespace on pg_namespace.oid = pronamespace
       where nspname || '.' || proname = any ($1)`,
      [[...shipped.keys()]],
    );
    const there = rows as (Traits & { name: string })[];
    const names = [...shipped.keys()].filter((name) => !HOOKS.has(name)).sort();
    return {
      missing: names.filter((name) => !there.some((row) => row.name === name)),
      changed: names.filter((name) => {
        const same = there.filter((row) => row.name === name);
        return same.length > 0 && !same.some((one) => fingerprint(one) === shipped.get(name));
      }),
    };
  });
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
