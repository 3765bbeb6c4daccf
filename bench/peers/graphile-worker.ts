import { Logger, run, runMigrations } from "graphile-worker";
import pg from "pg";
import { servePeer } from "./peer-process.ts";
import { createPerformer, type Task } from "./task.ts";

// https://worker.graphile.org/docs/performance: a local queue and batched completion are its documented batching.
const BATCHING = { localQueue: { size: 200 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };

servePeer({
  async fill({ databaseUrl, tasks }) {
    await runMigrations({ connectionString: databaseUrl });
    const client = new pg.Client(databaseUrl);
    await client.connect();
    await client.query(
      `select count(graphile_worker.add_job('add', task)) from json_array_elements($1::json) as task`,
      [JSON.stringify(tasks)],
    );
    await client.end();
  },
  async go({ databaseUrl, flexBaseUrl, concurrency, pool, batched }) {
    let query: (text: string, values: unknown[]) => Promise<unknown>;
    const perform = createPerformer(flexBaseUrl, concurrency, (text, values) => query(text, values));
    await run({
      noHandleSignals: true,
      preset: {
        worker: {
          connectionString: databaseUrl,
          maxPoolSize: pool,
          concurrentJobs: concurrency,
          logger: new Logger(() => () => {}),
          ...(batched ? BATCHING : {}),
        },
      },
      taskList: {
        async add(payload, helpers) {
          query = helpers.query;
          await perform(payload as Task);
        },
      },
    });
  },
});
