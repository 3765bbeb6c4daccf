import type { FaultAction } from "../../src/simulator/faults.ts";
import type { Random } from "../model/random.ts";

/** People by number; everybody has a resource of their own, and a second one for when theirs changes. */
export const PEOPLE = 6;

/** One thing that happens. A history is a list of them: data, so that a failing one can be cut down and replayed. */
export type Step =
  | { do: "assign"; person: number; role: string | null }
  | { do: "change resource"; person: number; second: boolean }
  | { do: "click"; times: number }
  | { do: "human adds"; person: number }
  | { do: "human adds a stranger" }
  | { do: "human deletes"; nth: number }
  | { do: "human sets a role"; nth: number }
  | { do: "fault"; route: "add" | "list" | "role" | "remove" | "identity"; action: FaultAction }
  | { do: "drain"; drainers: number }
  | { do: "drainer dies"; after: "claim" | "send" }
  | { do: "lose the crew call"; back: boolean };

const ROLES = ["SND-FOH-R", "SND-RF-E", "SND-PA-T", "SND"] as const;

const WRITE_FAULTS: FaultAction[] = [
  { kind: "reset", when: "after" },
  { kind: "reset", when: "before" },
  { kind: "hang", when: "after" },
  { kind: "hang", when: "before" },
  { kind: "truncate" },
  { kind: "gateway", when: "after", status: 502 },
  { kind: "gateway", when: "before", status: 503 },
  { kind: "accepted" },
  { kind: "login-page" },
  { kind: "exception-message" },
  { kind: "rate-limited" },
  { kind: "unauthorized" },
  { kind: "no-op" },
  { kind: "apply-late", afterMs: 350, answer: "gateway" },
  { kind: "apply-late", afterMs: 350, answer: "hang" },
  { kind: "answer", status: 400 },
  { kind: "answer", status: 409 },
];

const LIST_FAULTS: FaultAction[] = [
  { kind: "list", transform: "empty" },
  { kind: "list", transform: "drop-first" },
  { kind: "list", transform: "shuffle" },
  { kind: "list", transform: "duplicate-row" },
  { kind: "list", transform: "wrapped" },
  { kind: "list", transform: "resource-without-id" },
  { kind: "gateway", status: 502 },
  { kind: "hang" },
  { kind: "truncate" },
  { kind: "login-page" },
];

/** A history of so many steps, the same for the same seed. */
export function makeHistory(random: Random, length: number): Step[] {
  return Array.from({ length }, () => makeStep(random));
}

function makeStep(random: Random): Step {
  const person = random.below(PEOPLE);
  switch (random.pick([0, 0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8, 8, 9, 10])) {
    case 0:
      return { do: "assign", person, role: random.next() < 0.35 ? null : random.pick(ROLES) };
    case 1:
      return { do: "change resource", person, second: random.next() < 0.5 };
    case 2:
      return { do: "click", times: 1 + random.below(3) };
    case 3:
      return { do: "human adds", person };
    case 4:
      return { do: "human adds a stranger" };
    case 5:
      return { do: "human deletes", nth: random.below(8) };
    case 6:
      return { do: "human sets a role", nth: random.below(8) };
    case 7:
      return random.next() < 0.6
        ? {
            do: "fault",
            route: random.pick(["add", "add", "role", "remove"]),
            action: random.pick(WRITE_FAULTS),
          }
        : { do: "fault", route: "list", action: random.pick(LIST_FAULTS) };
    case 8:
      return { do: "drain", drainers: 1 + random.below(2) };
    case 9:
      return { do: "drainer dies", after: random.pick(["claim", "send"]) };
    default:
      return { do: "lose the crew call", back: random.next() < 0.8 };
  }
}
