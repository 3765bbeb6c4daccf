import { CALLS, DRAINERS, ELEMENTS, PEOPLE, ROLES, type Step } from "./history.ts";
import { makeFault } from "./make-fault.ts";
import type { Random } from "./random.ts";

type Make = (random: Random) => Step;

const call = (random: Random) => random.below(CALLS);
const person = (random: Random) => random.below(PEOPLE);
const element = (random: Random) => random.pick([0, 0, 0, 1, 1, 2].map((one) => one % ELEMENTS));
const seed = (random: Random) => 1 + random.below(1_000_000);

/** How often, out of all, and what. */
export const KINDS: [number, Make][] = [
  [14, assign],
  [3, (random) => ({ do: "resource", person: person(random), resource: random.pick(RESOURCES) })],
  [
    16,
    (random) => ({
      do: "click",
      call: call(random),
      times: 1 + random.below(2),
      mass: random.below(8) === 0,
    }),
  ],
  [3, (random) => ({ do: "human adds", element: element(random), person: person(random), strangers: 0 })],
  [
    2,
    (random) => ({
      do: "human adds",
      element: element(random),
      person: person(random),
      strangers: 1 + random.below(5),
    }),
  ],
  [
    4,
    (random) => ({
      do: "human deletes",
      element: element(random),
      nth: random.below(6),
      count: random.below(6) === 0 ? 4 : 1,
    }),
  ],
  [2, (random) => ({ do: "human sets a role", element: element(random), nth: random.below(6) })],
  [
    1,
    (random) => ({
      do: "human changes the contact",
      element: element(random),
      nth: random.below(6),
      person: random.below(3) === 0 ? null : person(random),
    }),
  ],
  [22, (random) => ({ do: "fault", fault: makeFault(random), times: random.below(5) === 0 ? 3 : 1 })],
  [
    26,
    (random) => ({
      do: "drain",
      drainers: 1 + random.below(DRAINERS),
      events: 4 + random.below(40),
      seed: seed(random),
    }),
  ],
  [6, (random) => ({ do: "wait", ms: random.pick([200, 3_000, 16_000, 33_000, 47_000, 130_000]) })],
  [4, (random) => ({ do: "kill", drainer: random.below(DRAINERS), seed: seed(random) })],
  [2, (random) => ({ do: "freeze", drainer: random.below(DRAINERS) })],
  [
    2,
    (random) => ({
      do: "wake",
      drainer: random.below(DRAINERS),
      clockJumpMs: random.pick([0, 0, 300_000, -300_000]),
    }),
  ],
  [1, () => ({ do: "restart the server" })],
  [
    2,
    (random) => ({
      do: "point",
      call: call(random),
      element: random.below(4) === 0 ? null : element(random),
    }),
  ],
  [0.4, (random) => ({ do: "delete the crew call", call: call(random) })],
  [0.4, (random) => ({ do: "delete the person", person: person(random) })],
  [
    1,
    (random) => ({
      do: "policy",
      call: call(random),
      policy: random.pick(["mirror", "owned", "add_only", "report", null]),
    }),
  ],
  [
    2,
    (random) => ({
      do: "decide",
      call: call(random),
      decision: random.below(3) === 0 ? "reject" : "approve",
    }),
  ],
  [1, (random) => ({ do: "adopt", call: call(random), nth: random.below(5) })],
  [1, (random) => ({ do: "retry failed", call: call(random) })],
  [0.7, (random) => ({ do: "pause", resume: random.below(2) === 0 })],
  [
    1,
    (random) => ({
      do: "element",
      element: element(random),
      is: random.pick(["there", "there", "deleted", "locked", "inaccessible"]),
    }),
  ],
  [1, (random) => ({ do: "flex", is: random.pick(["up", "up", "down", "refusing the token"]) })],
];
const RESOURCES = ["first", "first", "second", "second", "shared", "none", "malformed"] as const;

function assign(random: Random): Step {
  const department = random.pick(["sound", "sound", "lights"] as const);
  const role = random.next() < 0.3 ? null : random.pick(ROLES);
  return { do: "assign", job: random.pick([0, 0, 0, 1]), person: person(random), department, role };
}
