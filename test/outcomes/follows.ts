import type { Class, RouteName } from "./table.ts";

/** What follows from a class, on one route. */
export type Follows = {
  /** The states of the operation that was struck, after `pending`, until nothing is left to do. */
  path: string;
  /** Condition and reason of the crew call when nothing can be done without time passing or a person. */
  says: string;
  /**
   * For writes: how often it was sent when nothing more happens by itself. For readings: how many writes were sent
   * before time passed.
   */
  sends: number;
  /** Condition and reason when nothing more happens by itself; `synced` if nothing is said. */
  ends?: string;
};

/** Landed: Flex did it all the same. */
export type Effect = "lost" | "landed";

const GOES_AGAIN = "sending pending sending done";
const notSent: Follows = { path: GOES_AGAIN, says: "pending backing_off", sends: 1 };
const refused: Follows = {
  path: "sending failed",
  says: "failed refused",
  sends: 1,
  ends: "failed refused",
};
const denied: Follows = {
  path: "sending cancelled",
  says: "blocked access_denied",
  sends: 1,
  ends: "blocked access_denied",
};
const tokenRefused: Follows = { path: GOES_AGAIN, says: "blocked token_refused", sends: 2 };
const refusedForNow: Follows = { path: GOES_AGAIN, says: "pending locked", sends: 2 };
const rateLimited: Follows = { path: GOES_AGAIN, says: "pending rate_limited", sends: 2 };
/** The path of a write that nobody knows of, and that turns out not to be there. */
export const LOST = "sending unknown pending sending done";
const lost: Follows = { path: LOST, says: "unknown unanswered", sends: 2 };

const WRITE: Partial<Record<Class, Follows>> = {
  done: { path: "sending done", says: "synced", sends: 1 },
  not_sent: notSent,
  refused,
  denied,
  token_refused: tokenRefused,
  refused_for_now: refusedForNow,
  rate_limited: rateLimited,
  unknown: lost,
};

const readAgain = (says: string): Follows => ({ path: GOES_AGAIN, says, sends: 0 });
const confirms: Follows = { path: "sending done", says: "pending confirming", sends: 0 };

export const FOLLOWS: Record<RouteName, Partial<Record<Class, Follows>>> = {
  add: WRITE,
  set_role: WRITE,
  remove: WRITE,
  list: {
    done: WRITE.done as Follows,
    not_sent: readAgain("pending backing_off"),
    refused: readAgain("pending doubtful_reading"),
    denied: { ...denied, sends: 0 },
    token_refused: readAgain("blocked token_refused"),
    refused_for_now: readAgain("pending locked"),
    rate_limited: readAgain("pending rate_limited"),
    unknown: readAgain("pending doubtful_reading"),
    doubtful: readAgain("pending doubtful_reading"),
  },
  // Asked because a reading lacks every recorded line. Where it says nothing useful, two readings decide.
  identity: {
    done: confirms,
    unclear: confirms,
    "unclear unauthorized": confirms,
    gone: { path: "sending done", says: "blocked element_gone", sends: 0, ends: "blocked element_gone" },
    not_sent: readAgain("pending backing_off"),
    rate_limited: readAgain("pending rate_limited"),
    unknown: readAgain("pending doubtful_reading"),
  },
  // Asked because an add was answered 401. Where it says nothing useful, the add goes again: it was not executed.
  user: {
    done: denied,
    unauthorized: tokenRefused,
    rate_limited: rateLimited,
    not_sent: { ...notSent, sends: 2 },
    refused: { ...notSent, sends: 2 },
    refused_for_now: { ...notSent, sends: 2 },
    unknown: { ...notSent, sends: 2 },
    doubtful: { ...notSent, sends: 2 },
  },
};

/** What follows from one cell of the table. */
export function followsOf(route: RouteName, is: Class, seen: string, effect: Effect): Follows {
  const follows = FOLLOWS[route][is];
  if (!follows) throw new Error(`nobody says what follows from ${is} on ${route}`);
  if (is === "unknown" && effect === "landed") {
    return { path: "sending unknown done", says: follows.says, sends: 1 };
  }
  // Gone or still there: a reading decides.
  if (route === "remove" && (seen === "400" || seen === "404")) {
    return { ...follows, path: "sending unknown failed" };
  }
  return follows;
}
