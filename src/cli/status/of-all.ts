import type { Sql } from "postgres";
import { reasonOfCall } from "../../reason-in-words.ts";
import type { Condition, CrewCallStatusRow } from "../../rows.ts";
import type { Cli } from "../cli.ts";
import { withoutCompiling } from "../database.ts";
import { indented } from "../next-actions.ts";
import { age } from "../terminal/age.ts";
import { briefIds } from "../terminal/brief-ids.ts";
import { type Paint, paint } from "../terminal/paint.ts";
import { CONDITIONS, paintCondition } from "../terminal/paint-condition.ts";
import { type Column, table, widthOfOutput } from "../terminal/table.ts";
import { flow, printable } from "../terminal/text.ts";
import { type Metrics, showMetrics } from "./metrics-line.ts";
import type { View } from "./view.ts";

export type Status = {
  in_sync: boolean;
  /** How many crew calls have each condition. */
  counts: Partial<Record<Condition, number>>;
  crew_calls: CrewCallStatusRow[];
  metrics: Metrics;
  /** The database's clock. */
  at: string;
};

/** Crew calls in sync are told one by one only while they are few. */
const MOST_SYNCED = 20;

/**
 * Every crew call, the most urgent first, and the metrics; in one reading of the database.
 *
 * @param most how many crew calls are wanted; all of them when undefined
 */
export async function readStatus(sql: Sql, most?: number): Promise<Status> {
  const [row] = await withoutCompiling(
    sql,
    (transaction) => transaction<Omit<Status, "in_sync">[]>`
    with status as materialized (
      select crew_call_id, job_id, department, flex_element_id, condition, reason, desired::int, recorded::int, observed::int,
        pending::int, unknown::int, held::int, failed::int, plan, observed_at, last_sync_at, next_action
      from flex_sync.crew_call_status
    )
    select
      (
        select coalesce(json_object_agg(one.condition, one.number), '{}')
        from (select condition, count(*) as number from status group by condition) as one
      ) as counts,
      (
        select coalesce(json_agg(one), '[]')
        from (
          select * from status
          order by array_position(${[...CONDITIONS]}::text[], condition), last_sync_at desc nulls first, crew_call_id
          limit ${most ?? null}::int
        ) as one
      ) as crew_calls,
      (select json_object_agg(name, value) from flex_sync.metrics) as metrics,
      to_json(flex_sync.clock()) as at`,
  );
  const { counts = {}, crew_calls = [], metrics = {}, at = new Date().toISOString() } = row ?? {};
  const inSync = Object.keys(counts).every((condition) => condition === "synced");
  return { in_sync: inSync, counts, crew_calls, metrics, at };
}

/** @param now what the database's clock shows */
export function viewStatus(cli: Cli, { counts, crew_calls, metrics }: Status, now: Date): View {
  const colour = paint(cli.stdout, cli.env);
  const brief = briefIds(crew_calls.map(({ crew_call_id }) => crew_call_id));
  const columns: Column<CrewCallStatusRow>[] = [
    { title: "crew call", value: (row) => row.crew_call_id, brief: (row) => brief(row.crew_call_id) },
    { title: "department", value: (row) => row.department ?? "-", drop: 5, shrinkTo: 10 },
    {
      title: "condition",
      value: (row) => row.condition,
      paint: (text, row) => text.replace(row.condition, paintCondition(row.condition, colour)),
    },
    { title: "reason", value: (row) => row.reason ?? "", shrinkTo: 6 },
    { title: "desired", value: (row) => String(row.desired), align: "right", drop: 3 },
    { title: "recorded", value: (row) => String(row.recorded), align: "right", drop: 1 },
    { title: "in Flex", value: (row) => String(row.observed), align: "right", drop: 4 },
    { title: "read", value: (row) => age(row.observed_at, now), align: "right", drop: 2 },
  ];
  const urgent = crew_calls.filter(({ condition }) => condition !== "synced");
  const synced = crew_calls.filter(({ condition }) => condition === "synced");
  const shown = [...urgent, ...synced.slice(0, MOST_SYNCED)];
  const todo = urgent.filter(({ next_action }) => next_action !== null);
  return {
    head: flow(showCounts(counts, colour), ", ", widthOfOutput(cli.stdout)),
    table: shown.length > 0 ? table(columns, shown, cli.stdout, colour) : [],
    hidden: sum(counts) - shown.length,
    todo: todo.flatMap(({ crew_call_id, condition, reason, next_action }) => [
      `${crew_call_id}: ${reasonOfCall(condition, reason)}`,
      indented(printable(next_action ?? "")),
    ]),
    foot: [
      ...showMetrics(cli, metrics, colour),
      ...(urgent.length > 0 ? [colour.dim("Who and why: flex-crew-sync status ID")] : []),
    ],
  };
}

function showCounts(counts: Status["counts"], colour: Paint): string[] {
  const all = sum(counts);
  const parts = CONDITIONS.flatMap((condition) =>
    counts[condition] ? [`${counts[condition]} ${paintCondition(condition, colour)}`] : [],
  );
  const [first, ...others] = parts;
  if (first === undefined) return ["No crew calls yet: a row in flex_crew_calls is one."];
  return [`${all} crew call${all === 1 ? "" : "s"}: ${first}`, ...others];
}

function sum(counts: Status["counts"]): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
