import { type History, PEOPLE, type Start, type Step } from "./history.ts";
import { SCENES } from "./make-scene.ts";
import { KINDS } from "./make-step.ts";
import { type Random, seededRandom } from "./random.ts";

/** A history of so many steps, the same for the same seed. */
export function makeHistory(seed: number, length: number): History {
  const random = seededRandom(seed);
  const start = makeStart(random);
  return { seed, start, steps: makeSteps(random, start, length) };
}

function makeStart(random: Random): Start {
  const chance = (of: number) => random.next() < of;
  const calls = random.pick([1, 1, 2, 2, 2, 3]);
  return {
    elements: chance(0.2) ? Array(calls).fill(0) : [...Array(calls).keys()],
    crew: [...Array(PEOPLE).keys()].filter(() => chance(0.5)),
    policy: chance(0.75) ? "mirror" : "owned",
    rows: random.pick(["flat-typed", "flat-typed", "type-string", "cell-envelope", "untyped"] as const),
    rolesShown: chance(0.8),
    hourlyLimit: chance(0.15) ? 12 + random.below(30) : null,
    removalLimit: chance(0.1) ? 1 + random.below(4) : 100,
    maxConcurrency: chance(0.2) ? 1 + random.below(2) : 8,
    lateLandingMs: random.pick([30_000, 30_000, 30_000, 5_000]),
    deleteRepeat: random.pick([400, 404, 204] as const),
    autoSync: random.below(8) === 0,
  };
}

function makeSteps(random: Random, { elements }: Start, length: number): Step[] {
  const steps: Step[] = [];
  while (steps.length < length) {
    // Most of the time things go together; in between anything may happen.
    if (random.below(3) === 0) steps.push(pickWeighted(random, KINDS)(random));
    else steps.push(...pickWeighted(random, SCENES)(random, random.below(elements.length)));
  }
  return steps;
}

function pickWeighted<T>(random: Random, choices: [number, T][]): T {
  let at = random.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) {
    at -= weight;
    if (at < 0) return choice;
  }
  return (choices[0] as [number, T])[1];
}
