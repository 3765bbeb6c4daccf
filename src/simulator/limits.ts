import { tooManyRequests } from "./refusals.ts";
import type { Reply } from "./reply.ts";
import type { Limits } from "./settings.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * Flex's quota, pooled over all keys of a customer (documented). Counted here in whole hours and days of the clock
 * ("for this hour", recorded); how Flex really counts is unknown.
 */
export class LimitCounter {
  readonly #clock: () => number;
  #hour = { start: 0, count: 0 };
  #day = { start: 0, count: 0 };

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Counts one request, or returns the 429 for it. `concurrent` includes the request itself. */
  take(limits: Limits | null, concurrent: number): Reply | null {
    const now = this.#clock();
    this.#hour = window(this.#hour, now, HOUR_MS);
    this.#day = window(this.#day, now, DAY_MS);
    if (limits && concurrent > limits.concurrent) {
      return tooManyRequests(`Maximum of ${limits.concurrent} concurrent API requests reached.`);
    }
    if (limits && this.#hour.count >= limits.hourly) return tooManyRequests(reached(limits.hourly, "hour"));
    if (limits && this.#day.count >= limits.daily) return tooManyRequests(reached(limits.daily, "day"));
    this.#hour.count += 1;
    this.#day.count += 1;
    return null;
  }

  clear(): void {
    this.#hour.count = 0;
    this.#day.count = 0;
  }
}

function window(current: { start: number; count: number }, now: number, length: number) {
  const start = Math.floor(now / length) * length;
  return start === current.start ? current : { start, count: 0 };
}

/** Recorded for the hour. */
function reached(limit: number, unit: "hour" | "day"): string {
  return `Maximum API request limit of ${limit.toLocaleString("en-US")} reached for this ${unit}.`;
}
