import type { FaultAction } from "../../src/simulator/faults.ts";
import { type Random, seededRandom } from "../model/random.ts";
import { comesBy, faultsOf, saysDone } from "./faults.ts";
import { isOpen, type Kind, PAIRS, type Point } from "./points.ts";

/** One death: where, at which call of which kind, and what Flex does to that call. */
export type KillCase = {
  /** Counts from 0; with the seed it says everything. */
  number: number;
  point: Point;
  kind: Kind;
  /** The call of this kind at which it dies. */
  nth: number;
  /** Strikes that call, or the same call of the drainer after it if this one never made it. */
  fault: FaultAction | null;
  /** And how many calls of the kind from there. */
  times: number;
  /** When an effect that Flex keeps back happens: before any time passes, or when `late_landing` is about to end. */
  lateEffect: "soon" | "as late as promised";
  /** The call that Flex answers with 401, so that a drainer asks for the user. */
  denied: "list" | "add" | "role" | "remove";
};

/**
 * The first cases of a seed, the same for the same seed: all pairs of point and kind in some order, again and again,
 * each time with the next of the pair's faults.
 */
export function makeCases(seed: number, first: number, count: number): KillCase[] {
  const random = seededRandom(seed);
  const pairs = shuffled(PAIRS, random).map(({ point, kind }) => ({
    point,
    kind,
    faults: shuffled(
      faultsOf(kind).filter((fault) => comesBy(point, fault)),
      random,
    ),
  }));
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const round = Math.floor(number / pairs.length);
    const { point, kind, faults } = pairs[number % pairs.length] as (typeof pairs)[number];
    const fault = faults[round % faults.length] ?? null;
    const own = seededRandom(seed * 1_000_003 + number);
    const several =
      ["add", "set_role", "remove"].includes(kind) && !isOpen(point) && !point.includes("claim");
    return {
      number,
      point,
      kind,
      nth: several ? 1 + own.below(2) : 1,
      fault,
      times: fault !== null && mayStrikeTwice(fault) ? 1 + own.below(2) : 1,
      lateEffect: saysDone(fault) ? "soon" : own.pick(["soon", "as late as promised"] as const),
      denied: own.pick(["list", "add", "role", "remove"] as const),
    };
  });
}

/** Two readings that lack a line are two witnesses, and nobody can know better. */
function mayStrikeTwice(fault: FaultAction): boolean {
  return !["list", "late-visible", "late-gone", "no-op"].includes(fault.kind);
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ item }) => item);
}
