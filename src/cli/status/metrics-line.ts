import type { Cli } from "../cli.ts";
import { duration } from "../terminal/age.ts";
import type { Paint } from "../terminal/paint.ts";
import { widthOfOutput } from "../terminal/table.ts";
import { flow } from "../terminal/text.ts";

/** Rows of `flex_sync.metrics` by name. */
export type Metrics = Record<string, number | null>;

/** Queue, budget and breaker, in as few lines as the terminal allows. */
export function showMetrics(cli: Cli, metrics: Metrics, colour: Paint): string[] {
  const number = (name: string) => Number(metrics[name] ?? 0);
  const oldest = number("oldest_unknown_seconds");
  const budget = ["hour", "day", "month"].map((window) => number(`budget_left_${window}`));
  const [hour, day, month] = budget;
  const left = [`Flex calls left: ${hour} this hour`, `${day} this day`, `${month} this month`];
  const pieces = [
    ...(number("paused") === 1 ? [colour.yellow("paused")] : []),
    number("breaker_open") === 1 ? colour.red("breaker open: no Flex call is made") : "breaker closed",
    ...left.map((text, window) => ((budget[window] ?? 0) > 0 ? text : colour.red(text))),
    `queue ${number("queue_depth")}`,
    `unknown ${number("unknown")}${oldest > 0 ? ` (oldest ${duration(oldest)})` : ""}`,
    `held ${number("held")}`,
    `failed ${number("failed")}`,
  ];
  return flow(pieces, " · ", widthOfOutput(cli.stdout));
}
