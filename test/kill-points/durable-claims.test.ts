import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { type ClaimedOperation, createQueue } from "../../src/drainer/queue.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";
import { ana, ben, cleo, makeCrewCall } from "../crew-call.ts";
import { conditionOf, request } from "../functions/asking.ts";
import { claim, send, settleWith, step } from "../functions/drain-with.ts";
import { moveClock } from "../functions/move-clock.ts";

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

describe("on a host with synchronous_commit off, whose server crashes right after a commit", () => {
  test("a claimed reading is there, while what the host committed after it is lost", async () => {
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const [claimed] = await crashRightAfter((host) => queueOn(host).claimOperations(1));
    expect(
      await sql`select id::text, token::text, kind from flex_sync.outbox where state = 'sending'`,
    ).toEqual([{ id: claimed?.id, token: claimed?.token, kind: "observe" }]);
    expect(await callsOfKind("observe")).toEqual([claimed?.call_number]);
    expect(await sql`select * from host_notes`).toEqual([]);
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
  });

  test("a claimed add that Flex made is there, and is found again instead of made twice", async () => {
    const call = await makeCrewCall(sql, { desired: [ben] });
    await request(sql, call);
    await step(sql, call.flex);
    const claimed = await crashRightAfter(async (host) => {
      const operations = await claim(host);
      for (const operation of operations) send(call.flex, operation);
      return operations;
    });
    expect(
      await sql`select id::text, token::text, kind from flex_sync.outbox where state = 'sending'`,
    ).toEqual(claimed.map(({ id, token }) => ({ id, token, kind: "add" })));
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toEqual([`add ${ben.resource}`]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("a further call that was counted is there", async () => {
    const call = await makeCrewCall(sql, { desired: [cleo] });
    await request(sql, call);
    const queue = queueOn(sql);
    const [claimed] = await queue.claimOperations(1);
    const number = await crashRightAfter((host) =>
      queueOn(host).claimCall("identity", claimed as ClaimedOperation),
    );
    expect(await callsOfKind("identity")).toEqual([number]);
    await settleWith(sql, call.flex);
  });

  test("a probe that was counted is there", async () => {
    await sql`select flex_sync.open_breaker('flex_down', 'down')`;
    await moveClock(sql, "6 s");
    const number = await crashRightAfter((host) => queueOn(host).claimProbe());
    expect(await callsOfKind("user")).toEqual([number]);
  });
});

const queueOn = (host: Sql) => createQueue(host, "dies", 15_000);

async function callsOfKind(kind: string): Promise<(string | undefined)[]> {
  const rows = await sql<{ number: string }[]>`
    select number::text from flex_sync.calls where kind = ${kind} order by calls.number`;
  return rows.map(({ number }) => number);
}
