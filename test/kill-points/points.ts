/** What a drainer is doing when it dies. `user` asks whether the token works, `probe` whether Flex does. */
export const KINDS = ["observe", "add", "set_role", "remove", "identity", "user", "probe", "tick"] as const;
export type Kind = (typeof KINDS)[number];

/**
 * Where it dies, in the order in which a call comes by. At the points of `HELD` somebody else kills it while it waits,
 * at the others it kills itself, with SIGKILL, at that very instruction.
 */
export const POINTS = [
  "before the claim",
  "claim open, then rolled back",
  "claim open, then committed",
  "after the claim",
  "before the first byte",
  "after the bytes left",
  "bytes lost on the way",
  "after Flex acted",
  "after the status line",
  "after the answer",
  "before the record",
  "record open, then rolled back",
  "record open, then committed",
  "after the record",
] as const;
export type Point = (typeof POINTS)[number];

/** Points at which its transaction has written everything and committed nothing. */
export const OPEN = {
  "claim open, then rolled back": { moment: "claim", ends: "rolled back" },
  "claim open, then committed": { moment: "claim", ends: "committed" },
  "record open, then rolled back": { moment: "record", ends: "rolled back" },
  "record open, then committed": { moment: "record", ends: "committed" },
} as const satisfies Partial<
  Record<Point, { moment: "claim" | "record"; ends: "rolled back" | "committed" }>
>;

export function isOpen(point: Point): point is keyof typeof OPEN {
  return point in OPEN;
}

/** A tick makes no call: of the points, it only has those of a record. */
const TICK: readonly Point[] = POINTS.slice(POINTS.indexOf("before the record"));
/** A probe is not asked for by a claim that could run out: its lease is its deadline, and it has no gate. */
const NO_GATE: readonly Point[] = POINTS.filter((point) => point !== "before the first byte");

/** Every point of every kind. */
export const PAIRS: readonly { point: Point; kind: Kind }[] = KINDS.flatMap((kind) => {
  const points = kind === "tick" ? TICK : kind === "probe" ? NO_GATE : POINTS;
  return points.map((point) => ({ point, kind }));
});
