import { DRAINERS, PEOPLE, ROLES, type Step } from "./history.ts";
import { makeFault } from "./make-fault.ts";
import type { Random } from "./random.ts";

/** Steps that belong together: what it takes to come near the places where things go wrong. */
export type Scene = (random: Random, call: number) => Step[];

const assign = (random: Random, call: number): Step => ({
  do: "assign",
  job: call === 2 ? 1 : 0,
  person: random.below(PEOPLE),
  department: call === 1 ? "lights" : "sound",
  role: random.next() < 0.2 ? null : random.pick(ROLES),
});
const click = (call: number): Step => ({ do: "click", call, times: 1, mass: false });
const drain = (random: Random, most = 140): Step => ({
  do: "drain",
  drainers: 1 + random.below(DRAINERS),
  events: 8 + random.below(most),
  seed: 1 + random.below(1_000_000),
});
const some = (random: Random, most: number, make: () => Step): Step[] =>
  Array.from({ length: 1 + random.below(most) }, make);

/** The crew changes, somebody clicks, and often something goes wrong. */
const sync: Scene = (random, call) => [
  ...some(random, 3, () => assign(random, call)),
  ...(random.below(3) === 0 ? [] : some(random, 2, () => fault(random))),
  click(call),
  drain(random),
];
const fault = (random: Random): Step => ({ do: "fault", fault: makeFault(random), times: 1 });

/** A write whose answer is lost, and looks at Flex before and after it may have landed. */
const unanswered: Scene = (random, call) => {
  const route = random.pick(["add", "add", "add", "remove", "role"] as const);
  const lands = random.pick(["late", "late", "now", "never"] as const);
  return [
    {
      do: "fault",
      fault: { route, lands, answer: { as: random.pick(["nothing", "reset"]) } },
      times: 1 + random.below(2),
    },
    ...some(random, 2, () => assign(random, call)),
    click(call),
    drain(random),
    { do: "wait", ms: random.pick([1_000, 14_000, 16_000, 20_000, 33_000]) },
    ...(random.below(3) === 0 ? [assign(random, call), click(call)] : []),
    drain(random),
    { do: "wait", ms: random.pick([3_000, 16_000, 31_000]) },
    drain(random),
  ];
};

/** A reading that lacks rows, or cannot be trusted. */
const badReading: Scene = (random, call) => [
  drain(random),
  { do: "fault", fault: makeFault(random, ["list"]), times: 1 + random.below(2) },
  ...(random.below(3) === 0 ? [assign(random, call)] : []),
  click(call),
  drain(random, 80),
  { do: "wait", ms: random.pick([500, 2_500, 6_000]) },
  drain(random, 80),
];

/** A drainer sleeps past its lease, others go on, and it wakes up with what it was told or was about to send. */
const sleeper: Scene = (random, call) => {
  const drainer = random.below(DRAINERS);
  return [
    ...some(random, 3, () => assign(random, call)),
    ...(random.below(2) === 0 ? [fault(random)] : []),
    click(call),
    drain(random, 20),
    { do: "freeze", drainer },
    { do: "wait", ms: random.pick([10_000, 31_000, 31_000, 47_000]) },
    { ...drain(random), drainers: DRAINERS } as Step,
    ...(random.below(2) === 0
      ? [assign(random, call), click(call), { ...drain(random, 20), drainers: DRAINERS } as Step]
      : []),
    { do: "wake", drainer, clockJumpMs: random.pick([0, 0, 300_000, -300_000]) },
    drain(random),
  ];
};

/** A drainer dies in the middle of things, and another takes over. */
const killed: Scene = (random, call) => [
  ...some(random, 2, () => assign(random, call)),
  click(call),
  drain(random, 16),
  { do: "kill", drainer: random.below(2), seed: random.below(1_000) },
  { do: "wait", ms: random.pick([1_000, 31_000, 46_000]) },
  drain(random),
];

/** Somebody works in Flex itself while the job changes too. */
const byHand: Scene = (random, call) => [
  random.pick<Step>([
    { do: "human deletes", element: call, nth: random.below(4), count: 1 + random.below(2) },
    { do: "human adds", element: call, person: random.below(PEOPLE), strangers: random.below(3) },
    { do: "human changes the contact", element: call, nth: random.below(4), person: random.below(PEOPLE) },
  ]),
  ...(random.below(2) === 0 ? [assign(random, call)] : []),
  click(call),
  drain(random),
  ...(random.below(2) === 0 ? [{ do: "wait", ms: 2_500 } as Step, drain(random)] : []),
];

export const SCENES: [number, Scene][] = [
  [4, sync],
  [4, unanswered],
  [2, badReading],
  [3, sleeper],
  [1, killed],
  [2, byHand],
];
