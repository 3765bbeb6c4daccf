import type { Plot } from "./plot.ts";
import type { BenchServer } from "./postgres.ts";
import { rounded, type Spread, spreadOf } from "./statistics.ts";

/** What one figure is held against. */
export type Target = { at_most: number } | { at_least: number };

/** One line of a table: a median over repetitions, with its spread. */
export type Figure = Spread & { name: string; unit: string; repetitions: number; target?: Target };

export type PartResult = {
  figures: Figure[];
  /** What was counted and found right; whatever is not right throws. */
  checked: string[];
  /** What a reader has to know: settings of a competitor, what could not be measured and why. */
  notes: string[];
  plots: Plot[];
};

export type PartContext = {
  server: BenchServer;
  /** The short form, under two minutes: fewer repetitions, smaller sizes. */
  quick: boolean;
  tell(line: string): void;
};

export type Part = {
  name: string;
  /** One sentence for the list of parts. */
  measures: string;
  run(context: PartContext): Promise<PartResult>;
};

export function figure(name: string, unit: string, values: readonly number[], target?: Target): Figure {
  const { median, min, max } = spreadOf(values);
  const spread = { median: rounded(median), min: rounded(min), max: rounded(max) };
  return { name, unit, ...spread, repetitions: values.length, ...(target ? { target } : {}) };
}

export function isReached({ median, target }: Figure): boolean | null {
  if (!target) return null;
  return "at_most" in target ? median <= target.at_most : median >= target.at_least;
}

/** A measurement of something that went wrong is worth nothing. */
export function check(right: boolean, what: string): asserts right {
  if (!right) throw new Error(`the measurement is void: ${what}`);
}
