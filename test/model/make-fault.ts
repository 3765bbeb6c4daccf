import type { Answer, Fault } from "./history.ts";
import type { Random } from "./random.ts";

const ROUTES = ["add", "add", "add", "role", "remove", "remove", "list", "list", "identity", "user"] as const;

const UNANSWERED: Answer[] = [{ as: "reset" }, { as: "nothing" }, { as: "half" }];
const REFUSALS = [400, 403, 404, 405, 409, 413, 415, 422, 423, 401];
const ODD_STATUSES = [202, 302, 408, 418, 500, 502, 503, 504];

/** Something that goes wrong with a request, on one of these routes. */
export function makeFault(random: Random, routes: readonly Fault["route"][] = ROUTES): Fault {
  const route = random.pick(routes);
  const lands = random.pick(["now", "now", "never", "late"] as const);
  const reading = route === "list" || route === "identity" || route === "user";
  const status = (statuses: readonly number[]): Answer => ({ as: "status", status: random.pick(statuses) });
  switch (random.below(reading ? 9 : 11)) {
    case 0:
      return { route, lands: "never", answer: { as: "not sent" } };
    case 1:
      return { route, lands: "never", answer: status(REFUSALS) };
    case 2:
      return {
        route,
        lands: "never",
        answer: { as: "status", status: 429, ...(random.below(2) ? { retryAfter: "7" } : {}) },
      };
    case 3:
      return { route, lands, answer: status(ODD_STATUSES) };
    case 4:
      return { route, lands: "now", answer: { as: "slow", ms: 1_000 + random.below(14_500) } };
    case 5:
    case 6:
      if (route === "list")
        return { route, lands: "now", answer: { as: "list", transform: random.pick(TRANSFORMS) } };
      return { route, lands, answer: random.pick(UNANSWERED) };
    case 7:
      return { route, lands, answer: random.pick(UNANSWERED) };
    case 8:
      return {
        route,
        lands: random.pick(["now", "never"]),
        answer: { as: "odd", body: random.pick(["html", "exception", "success-false", "no id"]) },
      };
    case 9:
      return { route, lands, answer: { as: "nothing" } };
    default:
      // An answer that promises what never happened.
      return { route, lands: route === "role" ? "now" : "never", answer: { as: "usual" } };
  }
}

const TRANSFORMS = [
  "drop-first",
  "empty",
  "shuffle",
  "duplicate-row",
  "wrapped",
  "row-not-an-object",
  "resource-without-id",
  "not-json",
  "lost-contact",
] as const;
