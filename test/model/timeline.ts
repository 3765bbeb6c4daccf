import { setImmediate } from "node:timers/promises";
import type { VirtualTime } from "./virtual-time.ts";

type Act = () => Promise<void> | void;
export type Entry = { at: number; number: number; act: Act };

/** What happens by itself when its time comes. */
export type Timeline = {
  at(ms: number, act: Act): Entry;
  /** It does not happen after all. */
  cancel(entry: Entry | undefined): void;
  /** When the next thing happens. */
  next(): number | null;
  /** Move the clock there and let it happen. */
  runNext(): Promise<void>;
  /** Let everything up to this moment happen, in its order, and move the clock there. */
  runUntil(ms: number): Promise<void>;
};

export function createTimeline(time: VirtualTime): Timeline {
  const entries: Entry[] = [];
  let made = 0;
  const timeline: Timeline = {
    at(ms, act) {
      const entry = { at: ms, number: made++, act };
      entries.push(entry);
      entries.sort((left, right) => left.at - right.at || left.number - right.number);
      return entry;
    },
    cancel(entry) {
      if (entry && entries.includes(entry)) entries.splice(entries.indexOf(entry), 1);
    },
    next: () => entries[0]?.at ?? null,
    async runNext() {
      const entry = entries.shift();
      if (!entry) return;
      time.moveTo(entry.at);
      await entry.act();
      await settled();
    },
    async runUntil(ms) {
      for (let at = timeline.next(); at !== null && at <= ms; at = timeline.next()) await timeline.runNext();
      time.moveTo(ms);
    },
  };
  return timeline;
}

/** When everything that promises set off has come to rest. */
export async function settled(): Promise<void> {
  // What ends is recorded with whatever ends in the same instant: a turn later.
  for (let turn = 0; turn < 2; turn += 1) await setImmediate();
}
