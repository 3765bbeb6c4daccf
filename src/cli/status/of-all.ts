import type { Sql } from "postgres";
import type { CrewCallStatusRow } from "../../rows.ts";
import { age, duration } from "../terminal/age.ts";
import type { Cli } from "../cli.ts";
import { paint } from "../terminal/paint.ts";
import { CONDITIONS, paintCondition } from "../terminal/paint-condition.ts";
import { type Column, table } from "../terminal/table.ts";

export type Status = {
  in_sync: boolean;
  crew_calls: CrewCallStatusRow[];
  metrics: Record<string, number | null>;
  /** The database's clock. */
  at: string;
};

/** Crew calls in sync are told one by one only while they are few. */
const MOST_SYNCED = 20;

/** Every crew call, the most urgent first, and the metrics. */
export async function readStatus(sql: Sql): Promise<Status> {
  const rows = await sql<CrewCallStatusRow[]>`
    select crew_call_id, job_id, department, flex_element_id, condition, reason, desired::int, recorded::int, observed::int,
      pending::int, unknown::int, held::int, failed::int, plan, observed_at, last_sync_at, next_action
    from flex_sync.crew_call_status
    order by array_position(${[...CONDITIONS]}::text[], condition), last_sync_at desc nulls first, crew_call_id`;
  const metrics = await sql<{ name: string; value: number | null; at: Date }[]>`
    select name, value::float8 as value, flex_sync.clock() as at from flex_sync.metrics`;
  return {
    in_sync: rows.every(({ condition }) => condition === "synced"),
    crew_calls: [...rows],
    metrics: Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
    at: (metrics[0]?.at ?? new Date()).toISOString(),
  };
}

export function showStatus(cli: Cli, { crew_calls, metrics, at }: Status): string[] {
  const colour = paint(cli.stdout, cli.env);
  const now = new Date(at);
  const columns: Column<CrewCallStatusRow>[] = [
    { title: "crew call", value: (row) => row.crew_call_id },
    { title: "department", value: (row) => row.department ?? "-", drop: 3 },
    {
      title: "condition",
      value: (row) => row.condition,
      paint: (text, row) => text.replace(row.condition, paintCondition(row.condition, colour)),
    },
    { title: "reason", value: (row) => row.reason ?? "", shrinkTo: 8 },
    { title: "desired", value: (row) => String(row.desired), align: "right", drop: 4 },
    { title: "recorded", value: (row) => String(row.recorded), align: "right", drop: 1 },
    { title: "in Flex", value: (row) => String(row.observed), align: "right", drop: 5 },
    { title: "read", value: (row) => age(row.observed_at, now), align: "right", drop: 2 },
  ];
  const urgent = crew_calls.filter(({ condition }) => condition !== "synced");
  const synced = crew_calls.filter(({ condition }) => condition === "synced");
  const shown = [...urgent, ...synced.slice(0, MOST_SYNCED)];
  const more = synced.length - MOST_SYNCED;
  const todo = urgent.filter(({ next_action }) => next_action !== null);
  return [
    ...(shown.length > 0 ? table(columns, shown, cli.stdout, colour) : ["No crew calls yet."]),
    ...(more > 0 ? [`and ${more} more in sync`] : []),
    ...(todo.length > 0 ? ["", colour.bold("What to do next")] : []),
    ...todo.map(({ crew_call_id, next_action }) => `${crew_call_id}: ${next_action}`),
    "",
    metricsLine(metrics),
  ];
}

function metricsLine(metrics: Status["metrics"]): string {
  const number = (name: string) => Number(metrics[name] ?? 0);
  const oldest = number("oldest_unknown_seconds");
  return [
    `queue ${number("queue_depth")}`,
    `unknown ${number("unknown")}${oldest > 0 ? ` (oldest ${duration(oldest)})` : ""}`,
    `held ${number("held")}`,
    `failed ${number("failed")}`,
    `Flex calls left: ${["hour", "day", "month"].map((window) => `${number(`budget_left_${window}`)} this ${window}`).join(", ")}`,
    `breaker ${number("breaker_open") === 1 ? "open" : "closed"}`,
    ...(number("paused") === 1 ? ["paused"] : []),
  ].join(" · ");
}
