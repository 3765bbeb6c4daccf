import type { ListTransform } from "../../src/simulator/list-transforms.ts";

export const PEOPLE = 5;
export const CALLS = 3;
export const ELEMENTS = 3;
export const DRAINERS = 3;

export const ROLES = ["SND-FOH-R", "SND-RF-E", "SND-PA-T", "SND", "none"] as const;

/** What a person's `flex_resource_id` is set to. `shared` is person 0's. */
export type Resource = "first" | "second" | "shared" | "none" | "malformed";

/** How Flex takes one request. All of it may go wrong: whether it is sent, whether and when it lands, what is answered. */
export type Fault = {
  route: "add" | "list" | "role" | "remove" | "identity" | "user";
  lands: "now" | "never" | "late";
  answer: Answer;
};
export type Answer =
  | { as: "usual" }
  | { as: "not sent" }
  | { as: "reset" }
  | { as: "nothing" }
  | { as: "half" }
  | { as: "status"; status: number; retryAfter?: string }
  | { as: "odd"; body: "html" | "exception" | "success-false" | "no id" }
  | { as: "list"; transform: ListTransform | "lost-contact" }
  /** So many milliseconds later than usual. */
  | { as: "slow"; ms: number };

/** One thing that happens. A history is a list of them: data, so that a failing one can be cut down and replayed. */
export type Step =
  | { do: "assign"; job: number; person: number; department: "sound" | "lights"; role: string | null }
  | { do: "resource"; person: number; resource: Resource }
  | { do: "click"; call: number; times: number; mass: boolean }
  | { do: "human adds"; element: number; person: number; strangers: number }
  | { do: "human deletes"; element: number; nth: number; count: number }
  | { do: "human sets a role"; element: number; nth: number }
  | { do: "human changes the contact"; element: number; nth: number; person: number | null }
  | { do: "fault"; fault: Fault; times: number }
  /** Drainers work, for so many events, in an order that the seed chooses. */
  | { do: "drain"; drainers: number; events: number; seed: number }
  | { do: "wait"; ms: number }
  /** Gone in the middle of whatever it does; another one starts in its place. */
  | { do: "kill"; drainer: number; seed: number }
  /** It stands still, as on a machine that sleeps. */
  | { do: "freeze"; drainer: number }
  | { do: "wake"; drainer: number; clockJumpMs: number }
  | { do: "restart the server" }
  | { do: "point"; call: number; element: number | null }
  | { do: "delete the crew call"; call: number }
  | { do: "delete the person"; person: number }
  | { do: "policy"; call: number; policy: "mirror" | "owned" | "add_only" | "report" | null }
  | { do: "decide"; call: number; decision: "approve" | "reject" }
  | { do: "adopt"; call: number; nth: number }
  | { do: "retry failed"; call: number }
  | { do: "pause"; resume: boolean }
  | { do: "element"; element: number; is: "there" | "deleted" | "locked" | "inaccessible" }
  | { do: "flex"; is: "up" | "down" | "refusing the token" };

/** What holds for a whole history. */
export type Start = {
  /** Where each crew call points in the beginning; two may share an element. */
  elements: number[];
  /** Who is on the first job before anything happens, by person; already in Flex and recorded after the first drain. */
  crew: number[];
  policy: "mirror" | "owned";
  rows: "flat-typed" | "type-string" | "cell-envelope" | "untyped";
  rolesShown: boolean;
  hourlyLimit: number | null;
  removalLimit: number;
  maxConcurrency: number;
  lateLandingMs: number;
  deleteRepeat: 400 | 404 | 204;
  autoSync: boolean;
};

export type History = { seed: number; start: Start; steps: Step[] };
