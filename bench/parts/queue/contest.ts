import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { liftLimits, makeCrewCalls, queueAdds } from "../../harness/crew-calls.ts";
import type { FastFlex } from "../../harness/fast-flex.ts";
import { check } from "../../harness/part.ts";
import { type BenchServer, settle } from "../../harness/postgres.ts";
import { forkOnNode24, startDaemons } from "../../harness/processes.ts";
import type { PeerEnv } from "../../peers/peer-process.ts";
import { HOST_TABLE } from "../../peers/task.ts";

/** HTTP calls at once over all processes of a competitor, and connections to Postgres of each process. */
export const CONCURRENCY = 24;
export const POOL = 10;
const PEOPLE = 20;

/** Whoever makes the same calls and writes the same rows. */
export type Competitor = {
  name: string;
  /** Without a file it is flex-crew-sync. */
  file?: string;
  batched?: boolean;
  /** A statement that counts what its queue still holds. */
  left?: string;
};

export const COMPETITORS: readonly Competitor[] = [
  {
    name: "flex-crew-sync",
    left: "select count(*)::int as left from flex_sync.outbox where state <> 'done'",
  },
  ...[false, true].flatMap((batched) => [
    {
      name: `graphile-worker${batched ? ", batched" : ""}`,
      file: "graphile-worker.ts",
      batched,
      left: "select count(*)::int as left from graphile_worker.jobs",
    },
    {
      name: `pg-boss${batched ? ", batched" : ""}`,
      file: "pg-boss.ts",
      batched,
      left: "select count(*)::int as left from pgboss.job where state <> 'completed'",
    },
  ]),
  { name: "bare loop", file: "bare-loop.ts" },
];

export type Contest = { server: BenchServer; flex: FastFlex; tasks: number };

/** @returns operations per second, between the first tenth and the last twentieth of them */
export async function compete(
  { name, ...how }: Competitor,
  processes: number,
  contest: Contest,
): Promise<number> {
  const { server, flex, tasks } = contest;
  const database = await server.createDatabase(how.file ? "empty" : "installed");
  await flex.reset();
  const runners = how.file
    ? await startPeers(how.file, how.batched ?? false, processes, contest, database)
    : await startOurs(processes, contest, database);
  const [from, to] = [Math.floor(tasks * 0.1), Math.floor(tasks * 0.95)];
  const [begin = 0, end = 0] = await flex.arrived(tasks, [from, to]);
  await untilAllIsRecorded(database.sql, tasks, name, how.left);
  await runners.stop();
  const calls = await flex.count();
  check(calls === tasks, `${name} made ${calls} calls for ${tasks} tasks`);
  await database.drop();
  return ((to - from) / (end - begin)) * 1_000;
}

type Runners = { stop(): Promise<void> };
type Database = { url: string; sql: Sql };

async function startOurs(
  processes: number,
  { flex, tasks }: Contest,
  { url, sql }: Database,
): Promise<Runners> {
  await liftLimits(sql, CONCURRENCY);
  const crewCalls = { count: tasks / PEOPLE, people: PEOPLE };
  await makeCrewCalls(sql, crewCalls);
  await queueAdds(sql, crewCalls);
  await settle(sql);
  await sql`select flex_sync.pause('until everybody is ready')`;
  const daemons = await startDaemons(processes, { databaseUrl: url, flexBaseUrl: flex.baseUrl });
  await sql`select flex_sync.resume()`;
  return { stop: async () => void (await Promise.all(daemons.map((daemon) => daemon.stop()))) };
}

async function startPeers(
  file: string,
  batched: boolean,
  processes: number,
  { flex, tasks }: Contest,
  { url, sql }: Database,
): Promise<Runners> {
  await sql.unsafe(HOST_TABLE);
  const children = Array.from({ length: processes }, (_, index) => {
    const env: PeerEnv = {
      DATABASE_URL: url,
      FLEX_BASE_URL: flex.baseUrl,
      TASKS: String(tasks),
      PEOPLE: String(PEOPLE),
      CONCURRENCY: String(CONCURRENCY / processes),
      POOL: String(POOL),
      BATCHED: batched ? "yes" : "no",
      INDEX: String(index),
      PROCESSES: String(processes),
    };
    return forkOnNode24(new URL(`../../peers/${file}`, import.meta.url), env);
  });
  const gone = children.map((child) => once(child, "exit"));
  const failed = Promise.race(gone).then(([code]) => check(false, `${file} ended with ${code}`));
  const [first] = children;
  if (first) {
    first.send("fill");
    await Promise.race([once(first, "message"), failed]);
  }
  await settle(sql);
  for (const child of children) child.send("go");
  return {
    async stop() {
      failed.catch(() => {});
      for (const child of children) child.disconnect();
      await Promise.all(gone);
    },
  };
}

async function untilAllIsRecorded(sql: Sql, tasks: number, name: string, left?: string): Promise<void> {
  for (let looks = 0; looks < 200; looks += 1) {
    const [row] = await sql<[{ rows: number }]>`
      select count(*)::int as rows from flex_crew_assignments where flex_line_item_id is not null`;
    const [queue] = left ? await sql.unsafe<[{ left: number }]>(left) : [{ left: 0 }];
    if (row.rows === tasks && queue.left === 0) return;
    await sleep(100);
  }
  check(false, `${name} did not record all of ${tasks} tasks within 20 s`);
}
