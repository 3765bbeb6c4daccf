import type { Kind, Point } from "./points.ts";

/** Told of every point that a drainer comes by. What waits for the database also waits for this. */
export type Reached = (point: Point, kind: Kind) => void | Promise<void>;

/** Acts once, at the nth time that the point is reached by a call of this kind. */
export function once(
  wanted: { point: Point; kind: Kind; nth: number },
  act: () => void | Promise<void>,
): Reached {
  let times = 0;
  return (point, kind) => {
    if (point !== wanted.point || !isSame(kind, wanted.kind)) return;
    times += 1;
    if (times === wanted.nth) return act();
  };
}

/** On its way to Flex a probe looks like any question for the user. */
export function isSame(seen: Kind, wanted: Kind): boolean {
  return seen === wanted || (wanted === "probe" && seen === "user");
}
