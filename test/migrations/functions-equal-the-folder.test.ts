import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { inHostSchema } from "../../src/migrations/committed-migrations.ts";
import { createDatabase } from "../postgres/database.ts";

const FOLDER = fileURLToPath(new URL("../../db/functions", import.meta.url));

/** Each function of ours by its signature: definition and comment. */
async function definitions(sql: Sql): Promise<Record<string, string>> {
  const rows = await sql<{ name: string; definition: string }[]>`
    select
      pg_proc.oid::regprocedure::text as name,
      concat_ws(E'\n', pg_get_functiondef(pg_proc.oid), obj_description(pg_proc.oid, 'pg_proc')) as definition
    from pg_proc
    where pronamespace in ('flex_sync'::regnamespace, 'public'::regnamespace)
      and prokind in ('f', 'p')
    order by name`;
  return Object.fromEntries(rows.map(({ name, definition }) => [name, definition]));
}

test("running every file of db/functions again changes nothing: a migration includes each as it is", async () => {
  const { sql } = await createDatabase();
  const installed = await definitions(sql);
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".sql"))) {
    await sql
      .unsafe(inHostSchema(readFileSync(join(FOLDER, file), "utf8"), "public"))
      .catch((error: Error) => {
        throw new Error(`${file}: ${error.message}`, { cause: error });
      });
    const now = await definitions(sql);
    const changed = Object.keys(now).filter((name) => now[name] !== installed[name]);
    expect(changed, `no migration includes ${file} as it is`).toEqual([]);
  }
});
