import postgres from "postgres";
import { expect, test } from "vitest";
import { printMigration } from "../../src/print-migration.ts";
import { allMigrations } from "../migrations/tiny-migrations.ts";
import { AUDITED_TABLES } from "./audited-tables.ts";
import type { Host } from "./host.ts";
import { install, liveThrough } from "./live-through.ts";

/** The ledgers of tools that hosts use, as these make them, with a row of an earlier migration. */
const LEDGERS: Record<string, { ledger: string; row: string; label: string }> = {
  "graphile-migrate": {
    ledger: `create schema graphile_migrate;
      create table graphile_migrate.migrations (hash text primary key, previous_hash text references graphile_migrate.migrations, filename text not null, date timestamptz not null default now());
      create table graphile_migrate.current (filename text primary key default 'current.sql', content text not null, date timestamptz not null default now());
      insert into graphile_migrate.migrations (hash, filename) values ('sha1:1', '000001-install-flex-crew-sync.sql')`,
    row: "insert into graphile_migrate.migrations (hash, previous_hash, filename) values ('sha1:2', 'sha1:1', '000002.sql')",
    label: "row migrations",
  },
  Flyway: {
    ledger: `create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200) not null,
        type varchar(20) not null, script varchar(1000) not null, checksum int, installed_by varchar(100) not null,
        installed_on timestamp not null default now(), execution_time int not null, success boolean not null);
      create index flyway_schema_history_s_idx on flyway_schema_history (success);
      insert into flyway_schema_history values (1, '1', 'tables', 'SQL', 'V1__tables.sql', 1, 'host', now(), 1, true)`,
    row: "insert into flyway_schema_history values (2, '2', 'flex crew sync', 'SQL', 'V2__flex_crew_sync.sql', 2, 'host', now(), 1, true)",
    label: "row flyway_schema_history",
  },
  Supabase: {
    ledger: `create schema supabase_migrations;
      create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
      insert into supabase_migrations.schema_migrations values ('20260101000000', '{}', 'tables')`,
    row: "insert into supabase_migrations.schema_migrations values ('20260102000000', '{}', 'flex_crew_sync')",
    label: "row schema_migrations",
  },
};

test.each(Object.entries(LEDGERS))(
  "a host that keeps its migrations with %s: beside it",
  async (_tool, { ledger }) => liveThrough({ tables: `${AUDITED_TABLES} ${ledger};` }),
);

test.each(Object.entries(LEDGERS))("a host that keeps its migrations with %s: by it", async (_tool, one) =>
  liveThrough({
    tables: `${AUDITED_TABLES} ${one.ledger};`,
    writes: [one.label],
    install: (host) => installByTool(host, one.row),
  }),
);

/** The printed file as one migration of the tool: the file and the ledger's row in one transaction. */
async function installByTool({ ownerUrl }: Host, row: string): Promise<void> {
  const connection = postgres(ownerUrl, { max: 1, onnotice: () => {} });
  try {
    await connection.begin(async (transaction) => {
      await transaction.unsafe(printMigration({ migrations: allMigrations() }));
      await transaction.unsafe(row);
    });
  } finally {
    await connection.end();
  }
}

test("once printed, migrate goes on from there", async () =>
  liveThrough({
    tables: AUDITED_TABLES,
    async install(host) {
      const connection = postgres(host.ownerUrl, { max: 1, onnotice: () => {} });
      await connection.begin((transaction) => transaction.unsafe(printMigration()));
      await connection.end();
      await install(host);
      expect(await host.sql`select from flex_sync.removed_duplicates`).toHaveLength(1);
    },
  }));
