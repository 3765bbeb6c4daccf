import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { createQueue } from "../../src/drainer/queue.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";
import { ana, makeCrewCall } from "../crew-call.ts";

let server: EmbeddedPostgres;
let sql: Sql;

beforeAll(async () => {
  server = await startEmbeddedPostgres({ params: { fsync: "off" } });
  await migrate({ connectionString: server.url });
  await applyCurrent(server.url);
  sql = postgres(server.url, { max: 4, onnotice: () => {} });
  await sql`alter database postgres set synchronous_commit = off`;
  await sql`create table host_notes (text text)`;
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await server.stop("immediate");
});

/**
 * Crash the server at once after `work`, whose commit nobody else flushes: the process that writes out what was
 * committed without waiting is stopped, and dies with the rest.
 */
async function crashRightAfter<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
  // A connection made after the setting, which holds for new ones.
  const host = postgres(server.url, { max: 1, onnotice: () => {} });
  const [setting] = await host`select current_setting('synchronous_commit') as now`;
  expect(setting?.now).toBe("off");
  await host`checkpoint`;
  const [writer] = await host`select pid from pg_stat_activity where backend_type = 'walwriter'`;
  process.kill(writer?.pid, "SIGSTOP");
  const result = await work(host);
  await host`insert into host_notes values ('committed, and not waited for')`;
  const restarted = server.restart("immediate");
  process.kill(writer?.pid, "SIGKILL");
  await restarted;
  await host.end({ timeout: 1 });
  return result;
}

describe("on a host with synchronous_commit off, whose server crashes right after the commit", () => {
  test("a claim is there, while what the host committed after it is lost", async () => {
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sql`select sync_crew_call(${call.id})`;
    const [claimed] = await crashRightAfter((host) => createQueue(host, "dies", 15_000).claimOperations(1));
    expect(
      await sql`select id::text, token::text, state from flex_sync.outbox where state = 'sending'`,
    ).toEqual([{ id: claimed?.id, token: claimed?.token, state: "sending" }]);
    expect(await sql`select number::text from flex_sync.calls`).toEqual([{ number: claimed?.call_number }]);
    expect(await sql`select * from host_notes`).toEqual([]);
  });
});
