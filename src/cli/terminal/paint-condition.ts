import type { Paint } from "./paint.ts";

export { CONDITIONS } from "../../rows.ts";

/** A condition in its colour: red needs a person now, yellow waits, green is well. */
export function paintCondition(condition: string, colour: Paint): string {
  if (condition === "synced") return colour.green(condition);
  if (condition === "failed" || condition === "blocked") return colour.red(condition);
  return colour.yellow(condition);
}
