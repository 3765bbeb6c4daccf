import type { Paint } from "./paint.ts";

/** The conditions of the contract, the most urgent first. */
export const CONDITIONS = [
  "paused",
  "blocked",
  "failed",
  "held",
  "unknown",
  "pending",
  "unmapped",
  "never_synced",
  "synced",
] as const;

/** A condition in its colour: red needs a person now, yellow waits, green is well. */
export function paintCondition(condition: string, colour: Paint): string {
  if (condition === "synced") return colour.green(condition);
  if (condition === "failed" || condition === "blocked") return colour.red(condition);
  return colour.yellow(condition);
}
