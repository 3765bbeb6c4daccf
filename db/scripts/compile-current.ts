import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const DB = fileURLToPath(new URL("..", import.meta.url));

/**
 * The migration being written, `db/migrations/current.sql`, with each `--!include name.sql` replaced by that file of
 * `db/functions`, as graphile-migrate does it. Empty while nothing is being written.
 */
export function compileCurrent(db: string = DB): string {
  const current = join(db, "migrations", "current.sql");
  const sql = existsSync(current) ? readFileSync(current, "utf8") : "";
  return isBlank(sql) ? "" : include(sql, join(db, "functions"), []);
}

function include(sql: string, folder: string, trail: string[]): string {
  return sql.replaceAll(/^--![ \t]*include[ \t]+(.*\.sql)[ \t]*$/gm, (_line, name: string) => {
    if (trail.includes(name)) throw new Error(`circular include: ${[...trail, name].join(" -> ")}`);
    const included = include(readFileSync(join(folder, name), "utf8"), folder, [...trail, name]);
    return `--! Included ${name}\n${included.trim()}\n--! EndIncluded ${name}`;
  });
}

function isBlank(sql: string): boolean {
  return sql.replaceAll(/^--(?!!).*$/gm, "").trim() === "";
}
