import { microseconds, SECOND } from "./state.ts";

/** Older than this, only the order of times matters. */
const LONG_AGO = -100 * SECOND;

/** Ranks in place of ids and times. */
export class Names {
  readonly #ids = new Map<string, Set<number | string>>();
  readonly #times: Set<number>;
  readonly #now: number;

  constructor(now: number) {
    this.#now = now;
    this.#times = new Set([now]);
  }

  id(kind: string, id: unknown): unknown {
    const value = kind === "line" ? String(id) : Number(id);
    const known = this.#ids.get(kind) ?? new Set();
    this.#ids.set(kind, known.add(value));
    return new Named(() => [...known].toSorted(ascending).indexOf(value));
  }

  readonly line = (id: unknown): unknown => id && this.id("line", id);

  readonly time = (at: unknown): unknown => {
    if (at === null || at === undefined) return null;
    const value = microseconds(at);
    this.#times.add(value);
    const away = Math.max(value - this.#now, LONG_AGO);
    return new Named(() => `${[...this.#times].toSorted(ascending).indexOf(value)} ${tenths(away)}`);
  };

  /** A time of the drainers' or of Flex: only whether it has passed, and how far it is. */
  moment(at: number): unknown[] {
    return [this.#now > at, tenths(Math.max(at - this.#now, LONG_AGO))];
  }

  write(tree: unknown): string {
    return JSON.stringify(tree);
  }
}

const tenths = (us: number) => Math.round(us / (SECOND / 10));
const ascending = (one: number | string, other: number | string) => (one < other ? -1 : one > other ? 1 : 0);

class Named {
  readonly toJSON: () => unknown;
  constructor(toJSON: () => unknown) {
    this.toJSON = toJSON;
  }
}
