import postgres from "postgres";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Database, openDatabase } from "../../src/drainer/database.ts";
import { silentLog } from "../../src/drainer/log.ts";
import { listenForWork, type NotificationParts } from "../../src/drainer/notifications.ts";
import { createQueue } from "../../src/drainer/queue.ts";
import { findProgram } from "../needs.ts";
import { createDatabase } from "../postgres/database.ts";
import { startPgBouncer } from "../processes/pgbouncer.ts";
import { startPostgresProxy } from "./postgres-proxy.ts";

function open(url: string, answerWithinMs?: number): Database {
  const database = openDatabase(url, answerWithinMs);
  onTestFinished(() => database.close());
  return database;
}

test("connections whose other end is silent are cut, and made anew", async () => {
  const proxy = await startPostgresProxy((await createDatabase()).url);
  const database = open(proxy.url, 500);
  await Promise.all([1, 2, 3].map(() => database.query`select pg_sleep(0.05)`));
  expect(proxy.open).toBe(3);
  proxy.freeze();
  await expect(database.query`select 1`).rejects.toThrow();
  await vi.waitUntil(() => proxy.open === 0, { timeout: 5_000 });
  expect(await database.query`select 1 as value`).toEqual([{ value: 1 }]);
});

test("a statement that takes long does not go on for ever", async () => {
  const { url } = await createDatabase();
  const database = open(url, 300);
  await expect(database.query`select pg_sleep(60)`).rejects.toThrow();
  expect(await database.query`select 1 as value`).toEqual([{ value: 1 }]);
});

test("a proxy without a server behind it is an error at once, not a busy loop", async () => {
  const proxy = await startPostgresProxy((await createDatabase()).url);
  const database = open(proxy.url);
  proxy.mode = "closes";
  await expect(database.query`select 1`).rejects.toThrow();
  expect(proxy.made).toBe(1);
  proxy.mode = "works";
  expect(await database.query`select 1 as value`).toEqual([{ value: 1 }]);
});

test("a server that accepts and never answers is given up", async () => {
  const proxy = await startPostgresProxy((await createDatabase()).url);
  const database = open(proxy.url, 300);
  proxy.mode = "silent";
  await expect(database.query`select 1`).rejects.toThrow();
  proxy.mode = "works";
  expect(await database.query`select 1 as value`).toEqual([{ value: 1 }]);
});

test("a database that became read only is left for whoever answers behind the same name now", async () => {
  const { url, sql } = await createDatabase();
  const proxy = await startPostgresProxy(url);
  const database = open(proxy.url);
  await sql.unsafe("create table written ()");
  await database.query`select 1`;
  await database.query`set default_transaction_read_only = on`;
  await expect(database.query`insert into written default values`).rejects.toMatchObject({ code: "25006" });
  await database.query`insert into written default values`;
  expect(proxy.made).toBe(2);
});

type Listening = { wakes: number; warnings: string[] };

function listen(parts: Pick<NotificationParts, "url" | "sendProof">): Listening & { arriving(): boolean } {
  const heard: Listening = { wakes: 0, warnings: [] };
  const notifications = listenForWork({
    ...parts,
    wake: () => {
      heard.wakes += 1;
    },
    log: { ...silentLog, warn: (_, message) => void heard.warnings.push(message) },
    proveEveryMs: 100,
    proofWithinMs: 1_000,
  });
  onTestFinished(() => notifications.close());
  return Object.assign(heard, { arriving: notifications.arriving });
}

test("a LISTEN connection that died without a word is noticed and made anew", async () => {
  const { url, sql } = await createDatabase();
  const proxy = await startPostgresProxy(url);
  const { notifyWork } = createQueue(open(url).query, "test", 1_000);
  const heard = listen({ url: proxy.url, sendProof: notifyWork });
  await vi.waitUntil(heard.arriving);
  proxy.freeze();
  await vi.waitUntil(() => !heard.arriving(), { timeout: 10_000 });
  await vi.waitUntil(heard.arriving, { timeout: 10_000 });
  const before = heard.wakes;
  await sql`select pg_notify('flex_sync_work', '')`;
  await vi.waitUntil(() => heard.wakes > before);
  expect(heard.warnings).toHaveLength(1);
});

test("after a database that was away for a while there is one listener, and one wake for one notification", async () => {
  const { url, sql } = await createDatabase();
  const proxy = await startPostgresProxy(url);
  await proxy.down();
  const { notifyWork } = createQueue(open(url).query, "test", 1_000);
  const heard = listen({ url: proxy.url, sendProof: notifyWork });
  await vi.waitUntil(() => heard.warnings.length === 1);
  await proxy.listen();
  await vi.waitUntil(heard.arriving, { timeout: 10_000 });
  await proxy.down();
  // A proof that arrives after this came by the new connection, and so after the wake of its making.
  await vi.waitUntil(() => !heard.arriving(), { timeout: 10_000 });
  await proxy.listen();
  await vi.waitUntil(heard.arriving, { timeout: 10_000 });
  await vi.waitUntil(async () => (await listeners()) === 1, { timeout: 10_000 });

  const before = heard.wakes;
  await sql`select pg_notify('flex_sync_work', 'first')`;
  await vi.waitUntil(() => heard.wakes > before);
  await sql`select pg_notify('flex_sync_work', 'second')`;
  await vi.waitUntil(() => heard.wakes > before + 1);
  expect(heard.wakes).toBe(before + 2);

  async function listeners(): Promise<number> {
    const [row] = await sql`select count(*)::int as number from pg_stat_activity
      where datname = current_database() and application_name = 'flex-crew-sync listen'`;
    return row?.number;
  }
});

test("nobody is woken by another drainer's proof", async () => {
  const { url, sql } = await createDatabase();
  const { notifyWork } = createQueue(open(url).query, "test", 1_000);
  const [one, other] = [listen({ url, sendProof: notifyWork }), listen({ url, sendProof: async () => {} })];
  await vi.waitUntil(one.arriving);
  await vi.waitUntil(() => other.wakes === 1);
  await sql`select pg_notify('flex_sync_work', '')`;
  await vi.waitUntil(() => other.wakes > 1);
  expect(other.wakes).toBe(2);
});

test.each(["serializable", "repeatable read"])(
  "where transactions begin as %s, statements say their own level, through a pooler too",
  async (level) => {
    const { url, sql, name } = await createDatabase();
    await sql.unsafe(`alter database ${name} set default_transaction_isolation = '${level}'`);
    for (const by of [url, ...(findProgram("pgbouncer") ? [await startPgBouncer(url)] : [])]) {
      const database = open(by);
      const queue = createQueue(database.query, "a drainer", 3_000);
      const another = postgres(by, { max: 1, prepare: false });
      // Were it not refused, the test would show nothing.
      await expect(
        another`select * from flex_sync.claim_operations('somebody', 1, '3 s')`.execute(),
      ).rejects.toMatchObject({ code: "ISOLA" });
      await another.end();
      expect(await queue.claimOperations(4)).toEqual([]);
      expect(await database.query`select current_setting('transaction_isolation') as level`).toEqual([
        { level: "read committed" },
      ]);
    }
  },
);
