import { Gauge, type Registry } from "prom-client";
import { CONDITIONS } from "../rows.ts";
import type { Directory } from "./directory.ts";
import type { DatabaseMetrics, OpenOperations } from "./read-metrics.ts";
import type { Snapshot } from "./snapshot.ts";

const KINDS: OpenOperations["kind"][] = ["observe", "add", "set_role", "remove"];
const STATES: OpenOperations["state"][] = ["pending", "sending", "unknown", "held", "failed"];
const BREAKER_REASONS = ["token_refused", "flex_down", "rate_limited"];
const WINDOWS = [
  { window: "hour", limit: "hourly_limit" },
  { window: "day", limit: "daily_limit" },
  { window: "month", limit: "monthly_limit" },
] as const;

/** Gauges whose value a row of `flex_sync.metrics` is. */
const NAMED = [
  [
    "missing_crew",
    "missing_people",
    "Adds that are open or failed: people desired who are not known to be in Flex",
  ],
  ["duplicate_assignments", "duplicate_assignments", "Rows too many in flex_crew_assignments"],
  ["syncs", "syncs_last_day", "Syncs that ended within the last 24 hours"],
  [
    "sync_failure_rate",
    "sync_failure_ratio",
    "Share of the syncs of the last 24 hours that ended failed or blocked",
  ],
  [
    "sync_duration_mean",
    "sync_duration_mean_seconds",
    "Mean time from the first request to the end of a sync, last 24 hours",
  ],
  ["sync_duration_p95", "sync_duration_p95_seconds", "95th percentile of the same, last 24 hours"],
  ["queue_depth", "queue_depth", "Operations pending or in flight, background readings left out"],
] as const;

export type DatabaseGauges = {
  set(metrics: DatabaseMetrics): void;
  setConditions(directory: Snapshot<Directory> | null): void;
};

/** What the database tells, the same from every daemon. */
export function createDatabaseGauges(registry: Registry): DatabaseGauges {
  const gauge = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Gauge({ name: `flex_crew_sync_${name}`, help, labelNames, registers: [registry] });
  const operations = gauge("operations", "Open and failed operations", ["kind", "state"]);
  const oldest = gauge(
    "oldest_operation_age_seconds",
    "Age of the oldest operation in a state; of pending ones, how long it has been due",
    ["state"],
  );
  const lag = gauge("lag_seconds", "How long work has been due that a daemon could do at once");
  const oldestRequest = gauge(
    "oldest_request_age_seconds",
    "Age of the oldest sync request that is not finished",
  );
  const left = gauge("budget_left_calls", "Flex calls left in each sliding window", ["window"]);
  const limit = gauge("budget_limit_calls", "Flex calls allowed in each sliding window", ["window"]);
  const breaker = gauge("breaker_open", "1 while no Flex call is made, and why", ["reason"]);
  const paused = gauge("paused", "1 while an operator paused everything");
  const conditions = gauge("crew_calls", "Crew calls by condition (docs/reasons.md)", ["condition"]);
  const counted = gauge("crew_calls_counted_age_seconds", "How long ago the crew calls were counted");
  const named = NAMED.map(([row, name, help]) => ({ row, gauge: gauge(name, help) }));

  return {
    set({ state, open, named: values }) {
      operations.reset();
      oldest.reset();
      for (const kind of KINDS) for (const is of STATES) operations.set({ kind, state: is }, 0);
      const ages = new Map(STATES.map((is) => [is, 0]));
      for (const { kind, state: is, operations: count, oldest_seconds } of open) {
        operations.set({ kind, state: is }, count);
        ages.set(is, Math.max(ages.get(is) ?? 0, oldest_seconds));
      }
      for (const [is, age] of ages) oldest.set({ state: is }, age);
      lag.set(state.lag_seconds);
      oldestRequest.set(state.oldest_request_seconds);
      for (const { window, limit: column } of WINDOWS) {
        left.set({ window }, values[`budget_left_${window}`] ?? 0);
        limit.set({ window }, state[column]);
      }
      for (const reason of BREAKER_REASONS) breaker.set({ reason }, state.breaker_reason === reason ? 1 : 0);
      paused.set(state.paused ? 1 : 0);
      for (const { row, gauge: one } of named) one.set(values[row] ?? Number.NaN);
    },
    setConditions(directory) {
      conditions.reset();
      counted.set(directory ? directory.ageMs / 1_000 : Number.NaN);
      if (!directory) return;
      for (const condition of CONDITIONS) conditions.set({ condition }, directory.value.counts[condition]);
    },
  };
}
