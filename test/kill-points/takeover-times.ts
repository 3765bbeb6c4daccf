import postgres, { type Sql } from "postgres";
import { drain } from "../../src/drainer/drain.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { databaseUrl } from "../postgres/database-url.ts";
import { prepareTemplate } from "../postgres/template.ts";
import { buildDoomedDrainer } from "./build-doomed-drainer.ts";
import { call, makeCrew } from "./crew.ts";
import { drainerToKill } from "./drainer-to-kill.ts";

/**
 * How long after a SIGKILL the next drainer carries on, with the default settings and in real time:
 * `npx tsx test/kill-points/takeover-times.ts [how many side by side]`. Each has a database and a Flex of its own, dies
 * when the bytes of an add have left, and is followed at once by another one.
 */
const COUNT = Number(process.argv[2] ?? 20);

type Times = { takenOver: number; carriedOn: number; synced: number };

async function timesOfOne(sql: Sql, url: string, file: string): Promise<Times> {
  const flex = await startSimulator({ roleCell: "bare-id" });
  const settings = { databaseUrl: url, baseUrl: flex.baseUrl, token: flex.token, timeoutMs: 15_000 };
  const stopping = new AbortController();
  let next: Promise<void> | undefined;
  try {
    await makeCrew(sql, flex);
    await sql`select sync_crew_call(${call.id})`;
    const doomed = drainerToKill(file);
    doomed.drain({ ...settings, point: "after the bytes left", kind: "add", nth: 1 });
    if ((await doomed.ended) !== "struck") throw new Error("the drainer did not die");
    const diedAt = Date.now();
    const since = () => (Date.now() - diedAt) / 1_000;
    const held = await sql<{ token: string }[]>`select token from flex_sync.outbox where state = 'sending'`;
    const tokens = held.map(({ token }) => token);
    const { signal } = stopping;
    next = drain({ ...settings, flexBaseUrl: flex.baseUrl, flexAuthToken: flex.token, signal });
    await until(async () => {
      const [row] =
        await sql`select from flex_sync.outbox where token = any (${tokens}) and state = 'sending'`;
      return row === undefined;
    });
    const takenOver = since();
    const readings = () => flex.calls.filter(({ route, at }) => route === "list" && at > diedAt);
    await until(async () => readings().length > 0);
    const carriedOn = ((readings()[0]?.at ?? Number.NaN) - diedAt) / 1_000;
    await until(async () => {
      const [row] =
        await sql`select condition from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
      return row?.condition === "synced";
    });
    return { takenOver, carriedOn, synced: since() };
  } finally {
    stopping.abort();
    await next;
    await flex.stop();
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100));
}

function percentile(values: number[], share: number): string {
  const sorted = values.toSorted((left, right) => left - right);
  return `${sorted[Math.ceil(share * sorted.length) - 1]?.toFixed(1)} s`;
}

await using server = await startEmbeddedPostgres({ params: { fsync: "off", max_connections: 800 } });
const admin = postgres(server.url, { max: 1, onnotice: () => {} });
await prepareTemplate(admin, server.url, "takeover");
const doomed = buildDoomedDrainer();
try {
  const databases: { sql: Sql; url: string }[] = [];
  for (let number = 0; number < COUNT; number += 1) {
    await admin.unsafe(`create database takeover_${number} template takeover`);
    const url = databaseUrl(server.url, `takeover_${number}`);
    databases.push({ url, sql: postgres(url, { max: 2, onnotice: () => {} }) });
  }
  const all = await Promise.all(databases.map(({ sql, url }) => timesOfOne(sql, url, doomed.file)));
  for (const what of ["takenOver", "carriedOn", "synced"] as const) {
    const values = all.map((times) => times[what]);
    console.log(`${what}: p50 ${percentile(values, 0.5)}, p95 ${percentile(values, 0.95)} of ${COUNT}`);
  }
  for (const { sql } of databases) await sql.end();
} finally {
  doomed.remove();
  await admin.end();
}
