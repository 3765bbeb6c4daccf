import type { DatabaseClient } from "../migrations/database-client.ts";
import { readLedger } from "../migrations/ledger.ts";
import { DEPENDENTS, FUNCTIONS, HOST_TABLES, INDEXES, TRIGGERS } from "./belongings-queries.ts";

/** What in a database is ours, and what of the host's touches it. Names are qualified and quoted as SQL wants them. */
export interface Belongings {
  installed: boolean;
  /** As it is, not quoted. */
  hostSchema: string;
  hostTables: string[];
  /** Triggers on the host's tables that call our functions. */
  triggers: { name: string; table: string }[];
  /** Indexes that we made on the host's tables. */
  indexes: string[];
  /** Our functions outside the schema flex_sync, with their argument types. */
  functions: string[];
  /** The host's own views, policies and so on that use something of ours: they go with it. */
  dependents: string[];
  /** The table that the copies of removed duplicate rows go to; undefined where there are none. */
  copies: string | undefined;
  roles: string[];
}

const ROLES = ["flex_sync_app", "flex_sync_drainer", "flex_sync_operator"];

/** Look around; changes nothing. */
export async function findBelongings(client: DatabaseClient): Promise<Belongings> {
  const rows = async <Row>(sql: string, ...values: unknown[]) =>
    (await client.query(sql, values)).rows as Row[];
  const names = async (sql: string, ...values: unknown[]) =>
    (await rows<{ name: string }>(sql, ...values)).map(({ name }) => name);
  const holds = async (condition: string, ...values: unknown[]) =>
    (await rows<{ holds: boolean }>(`select ${condition} as holds`, ...values))[0]?.holds === true;

  const hostSchema = (await readLedger(client)).at(-1)?.host_schema ?? "public";
  return {
    installed: await holds("to_regnamespace('flex_sync') is not null"),
    hostSchema,
    hostTables: await names(HOST_TABLES, hostSchema),
    triggers: await rows(TRIGGERS),
    indexes: await names(INDEXES, hostSchema),
    functions: await names(FUNCTIONS, hostSchema),
    dependents: await names(DEPENDENTS, hostSchema),
    copies: await tableForCopies(),
    roles: await names("select rolname as name from pg_roles where rolname = any ($1) order by 1", ROLES),
  };

  /** A name that an earlier uninstallation has not taken. */
  async function tableForCopies(): Promise<string | undefined> {
    if (!(await holds("to_regclass('flex_sync.removed_duplicates') is not null"))) return undefined;
    if (!(await holds("exists (select from flex_sync.removed_duplicates)"))) return undefined;
    for (let number = 1; ; number += 1) {
      const name = `flex_sync_removed_duplicates${number === 1 ? "" : `_${number}`}`;
      const [table] = await names("select format('%I.%I', $1::text, $2::text) as name", hostSchema, name);
      if (await holds("to_regclass($1) is null", table)) return table;
    }
  }
}
