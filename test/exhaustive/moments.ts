import { microseconds, SECOND, SETTINGS, type State } from "./state.ts";

/** A time at which something changes by itself. */
export interface Moment {
  at: number;
  what: string;
}

/** A little later, so that what begins then is later than the moment. */
const LATER = 1000;

export const isDone = (time: unknown, now: number) =>
  time !== null && time !== undefined && microseconds(time) <= now;

/** The times ahead at which something becomes due, ends or is too old, soonest first. */
export function nextTimes({ rows, now, drainers }: State): Moment[] {
  const moments: Moment[] = [];
  const add = (what: string, time: unknown, seconds = 0) => {
    if (time === null || time === undefined) return;
    const at = microseconds(time) + seconds * SECOND;
    if (at > now) moments.push({ at: at + LATER, what });
  };
  for (const row of rows["flex_sync.outbox"] ?? []) {
    if (row.state === "sending") add("a lease ends", row.lease_until);
    if (row.state === "pending") add(`an ${row.kind} is due`, row.due_at);
    if (row.state === "pending" && row.kind !== "observe")
      add("a reading is too old", row.reading_at, SETTINGS.maxReadingAge);
    if (row.state === "unknown") add("absence can be proved", row.deadline, SETTINGS.lateLanding);
  }
  for (const row of rows["flex_sync.element_health"] ?? []) add("the backoff ends", row.backoff_until);
  for (const held of drainers) {
    if (held && held.kind !== "observe" && held.deadline > now)
      moments.push({ at: held.deadline + LATER, what: "a deadline" });
  }
  const sorted = moments.toSorted((one, other) => one.at - other.at);
  return sorted.filter((moment, index) => moment.at !== sorted[index - 1]?.at);
}
