import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FlexCrewSyncError } from "../errors.ts";

/** One migration, as graphile-migrate committed it. */
export interface Migration {
  /** The file's name, such as `000001-install.sql`. */
  readonly name: string;
  /** graphile-migrate's hash of this and, through it, of every earlier migration. */
  readonly hash: string;
  /** The SQL, with `:HOST_SCHEMA` where the host's schema belongs. */
  readonly sql: string;
}

/** Where the package keeps them: `db` lies beside `src` and beside `dist`. */
const COMMITTED = fileURLToPath(new URL("../../db/migrations/committed", import.meta.url));

/**
 * Read the committed migrations, oldest first, and check that nobody edited them after the commit.
 *
 * @throws FlexCrewSyncError EDITD where a file no longer has the hash in its header
 */
export function committedMigrations(folder: string = COMMITTED): Migration[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d{6}.*\.sql$/.test(name)) : [];
  let previous = "-";
  return names.sort().map((name) => {
    const migration = parseMigration(name, readFileSync(join(folder, name), "utf8"), previous);
    previous = migration.hash;
    return migration;
  });
}

function parseMigration(name: string, text: string, previous: string): Migration {
  const headers = new Map<string, string>();
  const lines = text.split("\n");
  for (let line = lines[0]; line !== undefined; line = lines[0]) {
    const header = /^--! ([A-Z]\w*)(?:: *(.*))?$/.exec(line);
    if (!header?.[1]) break;
    headers.set(header[1], header[2] ?? "");
    lines.shift();
  }
  const sql = `${lines.join("\n").trim()}\n`;
  const hash = hashOf(sql, previous);
  if (headers.get("Hash") !== hash || headers.get("Previous") !== previous) {
    throw new FlexCrewSyncError(
      "EDITD",
      `the migration ${name} was changed after it was committed, or one before it is missing`,
      "install flex-crew-sync again; in a checkout: git checkout db/migrations/committed",
    );
  }
  return { name, hash, sql };
}

/** The hash that graphile-migrate writes into the header. */
function hashOf(sql: string, previous: string): string {
  const hashed = `${`${previous === "-" ? "" : previous}\n${sql.trim()}`.trim()}\n`;
  return `sha1:${createHash("sha1").update(hashed).digest("hex")}`;
}

/** An identifier as SQL wants it. `public` stays bare, so that function texts read the same everywhere. */
export function quoteIdentifier(name: string): string {
  return name === "public" ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Put the host's schema where the migrations name it. */
export function inHostSchema(sql: string, hostSchema: string): string {
  return sql.replaceAll(/:HOST_SCHEMA\b/g, () => quoteIdentifier(hostSchema));
}
