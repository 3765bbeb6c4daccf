import type { VirtualTime } from "./virtual-time.ts";

type Act = () => Promise<void> | void;
type Entry = { at: number; number: number; act: Act };

/** What happens by itself when its time comes. */
export type Timeline = {
  at(ms: number, act: Act): void;
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
      entries.push({ at: ms, number: made++, act });
      entries.sort((left, right) => left.at - right.at || left.number - right.number);
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
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
