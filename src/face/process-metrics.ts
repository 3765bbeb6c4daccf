import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";
import type { DrainObserver } from "../drainer/observer.ts";

export type ProcessMetrics = {
  observer: DrainObserver;
  databaseUp(up: boolean): void;
};

/** From a fast answer to a call that is given up. */
const FLEX_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];
const DATABASE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** What this process measures itself, whether or not the database is there. */
export function createProcessMetrics(registry: Registry): ProcessMetrics {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const flexCalls = new Histogram({
    name: "flex_crew_sync_flex_call_duration_seconds",
    help: "Duration of this process's calls to Flex, by call and class of outcome (docs/states.md)",
    labelNames: ["call", "outcome"],
    buckets: FLEX_BUCKETS,
    registers,
  });
  const queueCalls = new Histogram({
    name: "flex_crew_sync_database_call_duration_seconds",
    help: "Duration of this process's claims and records in the database, by function and whether it answered (ok, failed)",
    labelNames: ["function", "result"],
    buckets: DATABASE_BUCKETS,
    registers,
  });
  const steps = new Counter({
    name: "flex_crew_sync_steps_total",
    help: "Steps of this process's loop, by whether the database answered (ok, failed)",
    labelNames: ["result"],
    registers,
  });
  for (const result of ["ok", "failed"]) steps.inc({ result }, 0);
  const lastStep = new Gauge({
    name: "flex_crew_sync_last_step_timestamp_seconds",
    help: "When this process's loop last made a step that the database answered; 0 before the first",
    registers,
  });
  const databaseUp = new Gauge({
    name: "flex_crew_sync_database_up",
    help: "1 when the database answered this scrape; 0 when the metrics that come from it are left out",
    registers,
  });
  return {
    observer: {
      flexCall: (call, outcome, ms) => flexCalls.observe({ call: wordsOf(call), outcome }, ms / 1_000),
      queueCall: (name, answered, ms) =>
        queueCalls.observe({ function: wordsOf(name), result: answered ? "ok" : "failed" }, ms / 1_000),
      step(error) {
        steps.inc({ result: error === undefined ? "ok" : "failed" });
        if (error === undefined) lastStep.setToCurrentTime();
      },
    },
    databaseUp: (up) => databaseUp.set(up ? 1 : 0),
  };
}

/** `claimOperations` as SQL has it: `claim_operations`. */
function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
