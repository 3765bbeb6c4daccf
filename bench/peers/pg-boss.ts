import { PgBoss } from "pg-boss";
import { servePeer } from "./peer-process.ts";
import { createPerformer, type Task } from "./task.ts";

const QUEUE = "add";
/** How many jobs a worker takes at once when batched, and how many such workers there are. */
const BATCH = 100;
const BATCH_WORKERS = 2;

servePeer({
  async fill({ databaseUrl, tasks }) {
    const boss = await start(databaseUrl, 4);
    await boss.createQueue(QUEUE);
    for (let from = 0; from < tasks.length; from += 1_000) {
      await boss.insert(
        QUEUE,
        tasks.slice(from, from + 1_000).map((data) => ({ data })),
      );
    }
    await boss.stop();
  },
  async go({ databaseUrl, flexBaseUrl, concurrency, pool, batched }) {
    const boss = await start(databaseUrl, pool);
    const db = boss.getDb();
    const perform = createPerformer(flexBaseUrl, concurrency, (text, values) => db.executeSql(text, values));
    if (!batched) {
      // A worker goes on at once, instead of polling, while it knows that jobs are ready.
      const options = {
        batchSize: 1,
        localConcurrency: concurrency,
        pollingIntervalSeconds: 0.5,
        burstWhenReadyExceeds: 1,
      };
      await boss.work(QUEUE, options, async ([job]) => perform(job?.data as Task));
      return;
    }
    const options = {
      batchSize: BATCH,
      localConcurrency: BATCH_WORKERS,
      pollingIntervalSeconds: 0.5,
      burstWhenBatchFull: true,
    };
    await boss.work(QUEUE, options, async (jobs) => {
      const left = [...jobs];
      const work = async () => {
        for (let job = left.pop(); job; job = left.pop()) await perform(job.data as Task);
      };
      await Promise.all(Array.from({ length: Math.ceil(concurrency / BATCH_WORKERS) }, work));
    });
  },
});

async function start(connectionString: string, max: number): Promise<PgBoss> {
  // Counted every second, so that a burst begins as soon as it can.
  const boss = new PgBoss({
    connectionString,
    max,
    monitorIntervalSeconds: 1,
    superviseIntervalSeconds: 1,
    queueCacheIntervalSeconds: 1,
    schedule: false,
  });
  boss.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  await boss.start();
  return boss;
}
