import pg from "pg";
import { expect, test } from "vitest";
import { migrate } from "../../src/migrate.ts";
import { quoteIdentifier } from "../../src/migrations/committed-migrations.ts";
import { createDatabase } from "../postgres/database.ts";
import { catalogue } from "./catalogue.ts";
import { allMigrations, tiny, tinyMigrations } from "./tiny-migrations.ts";

const names = tinyMigrations.map(({ name }) => name);

test("applies what is pending, in order, and records it", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);

  const first = await migrate({ connectionString: url, migrations: tinyMigrations.slice(0, 1) });
  const second = await migrate({ connectionString: url, migrations: tinyMigrations, log });

  expect(first).toMatchObject({ applied: names.slice(0, 1), alreadyThere: [] });
  expect(second).toMatchObject({ applied: names.slice(1), alreadyThere: names.slice(0, 1) });
  expect(lines).toEqual(["applied 000002-add-reason.sql"]);
  const ledger = await sql`select name, hash, host_schema from flex_sync.migrations order by name`;
  expect([...ledger]).toEqual(
    tinyMigrations.map(({ name, hash }) => ({ name, hash, host_schema: "public" })),
  );
});

test("a second run changes nothing", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  const migrations = allMigrations();
  await migrate({ connectionString: url, migrations });
  const before = await catalogue(sql);

  const again = await migrate({ connectionString: url, migrations });

  expect(again.applied).toEqual([]);
  expect(await catalogue(sql)).toEqual(before);
});

test("of several callers at once, one applies and the others find it done", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  const results = await Promise.all(
    Array.from({ length: 5 }, () => migrate({ connectionString: url, migrations: tinyMigrations })),
  );
  expect(results.filter(({ applied }) => applied.length === 2)).toHaveLength(1);
  expect(results.filter(({ alreadyThere }) => alreadyThere.length === 2)).toHaveLength(4);
  expect(await sql`select from flex_sync.migrations`).toHaveLength(2);
});

test("a migration that fails leaves nothing of the others", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  const migrations = [...tinyMigrations, tiny("000003-broken.sql", "select 1 / 0;")];
  await expect(migrate({ connectionString: url, migrations })).rejects.toMatchObject({ code: "22012" });
  const [row] = await sql`select to_regnamespace('flex_sync') as schema`;
  expect(row?.schema).toBeNull();
});

test("does not mind a host that uses graphile-migrate itself", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  await sql.unsafe(`
    create schema graphile_migrate;
    create table graphile_migrate.migrations (hash text primary key, previous_hash text, filename text, date timestamptz);
    insert into graphile_migrate.migrations values ('sha1:0', null, '000001.sql', now()), ('sha1:1', 'sha1:0', '000999.sql', now());`);
  const before = await catalogue(sql, ["graphile_migrate"]);

  const { applied } = await migrate({ connectionString: url, migrations: tinyMigrations });

  expect(applied).toEqual(names);
  expect(await catalogue(sql, ["graphile_migrate"])).toEqual(before);
  expect(await sql`select from graphile_migrate.migrations`).toHaveLength(2);
});

test("works in the host's schema, whatever its name", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  const hostSchema = `Crew "$1" $& plan`;
  await sql.unsafe(`create schema ${quoteIdentifier(hostSchema)}`);

  await migrate({ connectionString: url, hostSchema, migrations: tinyMigrations });

  const [row] =
    await sql`select flex_sync.count_rows() as rows, (select max(host_schema) from flex_sync.migrations)`;
  expect(row).toEqual({ rows: "0", max: hostSchema });
  expect((await migrate({ connectionString: url, migrations: tinyMigrations })).alreadyThere).toEqual(names);
  await expect(
    migrate({ connectionString: url, hostSchema: "public", migrations: tinyMigrations }),
  ).rejects.toMatchObject({ code: "MOVED" });
});

test("takes the caller's own client and leaves it usable", async () => {
  const { url } = await createDatabase({ template: "empty" });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await migrate({ client, migrations: tinyMigrations });
    const { rows } = await client.query("select flex_sync.count_rows() as rows");
    expect(rows).toEqual([{ rows: "0" }]);
  } finally {
    await client.end();
  }
});

test("refuses a database that is newer than the package", async () => {
  const { url } = await createDatabase({ template: "empty" });
  await migrate({ connectionString: url, migrations: tinyMigrations });
  const older = tinyMigrations.slice(0, 1);
  await expect(migrate({ connectionString: url, migrations: older })).rejects.toMatchObject({
    code: "NEWER",
  });
});

test("refuses when an applied migration is another one than the package has", async () => {
  const { url } = await createDatabase({ template: "empty" });
  await migrate({ connectionString: url, migrations: tinyMigrations });
  const edited = tinyMigrations.map((migration) => ({ ...migration, hash: "sha1:edited" }));
  await expect(migrate({ connectionString: url, migrations: edited })).rejects.toMatchObject({
    code: "EDITD",
  });
});

test("refuses a Postgres that is too old, before it changes anything", async () => {
  const asked: string[] = [];
  const client = {
    query: async (text: string) => {
      asked.push(text);
      return { rows: [{ version: 130_022 }] };
    },
  };
  await expect(migrate({ client, migrations: tinyMigrations })).rejects.toMatchObject({ code: "PGOLD" });
  expect(asked).toHaveLength(1);
});

test("tries again where Postgres ends it for the sake of a session that holds what it waits for", async () => {
  const { sql, url } = await createDatabase({ template: "empty" });
  const made = tiny(
    "000001-made.sql",
    "create table flex_sync.a (id int); create table flex_sync.b (id int);",
  );
  const altered = tiny(
    "000002-altered.sql",
    "alter table flex_sync.a add column note text; alter table flex_sync.b add column note text;",
  );
  await migrate({ connectionString: url, migrations: [made] });
  let hold = () => {};
  const holding = new Promise<void>((resolve) => {
    hold = resolve;
  });
  const drainer = sql.begin(async (transaction) => {
    // Whoever looks first for a deadlock is ended.
    await transaction`set local deadlock_timeout = '1 h'`;
    await transaction`select from flex_sync.b`;
    hold();
    const waiting = () => sql`select from pg_locks where relation = 'flex_sync.b'::regclass and not granted`;
    await expect.poll(async () => (await waiting()).length, { timeout: 20_000 }).toBe(1);
    return transaction`select * from flex_sync.a`;
  });
  await holding;
  const [other, updated] = await Promise.all([
    drainer,
    migrate({ connectionString: url, migrations: [made, altered] }),
  ]);
  expect([...other]).toEqual([]);
  expect(updated.applied).toEqual([altered.name]);
});
