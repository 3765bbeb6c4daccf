import postgres from "postgres";
import { servePeer } from "./peer-process.ts";
import { createPerformer } from "./task.ts";

// The limit: the same HTTP call and one upsert, with nothing around them that remembers, leases, counts or plans.

servePeer({
  async fill() {},
  async go({ databaseUrl, flexBaseUrl, concurrency, pool, tasks, index, processes }) {
    const sql = postgres(databaseUrl, { max: pool, onnotice: () => {} });
    const perform = createPerformer(flexBaseUrl, concurrency, (text, values) =>
      sql.unsafe(text, values as string[], { prepare: true }),
    );
    const mine = tasks.filter((_, number) => number % processes === index);
    const work = async () => {
      for (let task = mine.pop(); task; task = mine.pop()) await perform(task);
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  },
});
