import { Registry } from "prom-client";
import type { DrainObserver } from "../drainer/observer.ts";
import type { Answer } from "./answer.ts";
import { createDatabaseGauges } from "./database-metrics.ts";
import type { Directory } from "./directory.ts";
import { createProcessMetrics } from "./process-metrics.ts";
import type { DatabaseMetrics } from "./read-metrics.ts";
import type { Snapshot } from "./snapshot.ts";

export type MetricsParts = {
  database: (waitMs: number) => Promise<Snapshot<DatabaseMetrics>>;
  directory: (waitMs: number) => Promise<Snapshot<Directory>>;
};

export type Metrics = {
  observer: DrainObserver;
  /** `/metrics`: what the process knows, and what the database tells if it answers in time. */
  scrape(): Promise<Answer>;
};

/** A scrape is given up after ten seconds by default. */
const ANSWER_WITHIN_MS = 4_000;
/** Counting every crew call may take longer: an older count will do. */
const COUNT_WITHIN_MS = 1_000;

export function createMetrics({ database, directory }: MetricsParts): Metrics {
  const own = new Registry();
  const shared = new Registry();
  const process = createProcessMetrics(own);
  const gauges = createDatabaseGauges(shared);
  return {
    observer: process.observer,
    async scrape() {
      const [told, counted] = await Promise.allSettled([
        database(ANSWER_WITHIN_MS),
        directory(COUNT_WITHIN_MS),
      ]);
      const up = told.status === "fulfilled";
      process.databaseUp(up);
      if (up) {
        gauges.set(told.value.value);
        gauges.setConditions(counted.status === "fulfilled" ? counted.value : null);
      }
      const texts = await Promise.all([own.metrics(), ...(up ? [shared.metrics()] : [])]);
      return { status: 200, type: Registry.PROMETHEUS_CONTENT_TYPE, body: texts.join("\n") };
    },
  };
}
