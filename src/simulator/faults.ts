import type { ListTransform } from "./list-transforms.ts";
import type { Route, RouteName } from "./routes.ts";

/** Whether a write takes effect before the fault strikes. Default `after`: it does. Readings have no effect anyway. */
export type When = "before" | "after";

/** What happens to a request instead of its plain answer. */
export type FaultAction =
  /** The connection is reset. */
  | { kind: "reset"; when?: When }
  /** No answer at all; the connection stays open until the client gives up. */
  | { kind: "hang"; when?: When }
  /** The headers and half of the body, then nothing. */
  | { kind: "hang-body"; when?: When }
  /** Half of the promised body, then the connection ends. */
  | { kind: "truncate"; when?: When }
  /** Nothing until `release()`, then as usual. */
  | { kind: "wait"; when?: When }
  /** Any answer. A string body is sent as it is, anything else as JSON. */
  | {
      kind: "answer";
      when?: When;
      status: number;
      body?: unknown;
      contentType?: string;
      headers?: Record<string, string>;
    }
  /** 502, 503 or 504 as Apache HTML. */
  | { kind: "gateway"; when?: When; status: 502 | 503 | 504 }
  /** 202 `{pending: true}`. */
  | { kind: "accepted"; when?: When }
  /** 200 with an HTML login page. */
  | { kind: "login-page"; when?: When }
  /** 302 to a login page. */
  | { kind: "redirect"; when?: When }
  /** 200 `{exceptionMessage}`. */
  | { kind: "exception-message"; when?: When; message?: string }
  /** 200 `{success: false, message}`. */
  | { kind: "success-false"; when?: When; message?: string }
  /** 429 with the recorded body; `retryAfter` is not what Flex was seen to send. */
  | { kind: "rate-limited"; retryAfter?: string }
  /** 401, as for a revoked key or an inaccessible document. */
  | { kind: "unauthorized" }
  /** The usual answer, but nothing is stored. */
  | { kind: "no-op" }
  /**
   * The answer now, the effect later: after `afterMs`, or at `applyLate()`. `answer` says how the client loses
   * track: the usual answer, no answer, a reset, a 504.
   */
  | { kind: "apply-late"; afterMs?: number; answer?: "usual" | "hang" | "reset" | "gateway" }
  /** As usual, but slow. */
  | { kind: "delay"; ms: number }
  /** A spoiled reading. */
  | { kind: "list"; transform: ListTransform }
  /** The added line is missing from so many readings of its element. */
  | { kind: "late-visible"; reads: number }
  /** The deleted line stays in so many readings of its element. */
  | { kind: "late-gone"; reads: number };

/** Which requests a fault strikes, and how often. All given filters have to match. */
export type Fault = {
  route: Exclude<RouteName, "other"> | "any";
  element?: string;
  resource?: string;
  line?: string;
  /** The first matching request to strike, from 1. Default 1. */
  nth?: number;
  /** How many requests from there. Default 1. */
  times?: number;
  /** Until it is taken away. */
  forever?: boolean;
  do: FaultAction;
};

export type FaultHandle = { readonly id: number; readonly struck: number; remove(): void };

type Entry = { id: number; fault: Fault; seen: number; struck: number };

/** The faults in force. The first one in the order of their making that is due strikes; the others keep their turn. */
export class FaultBook {
  #entries: Entry[] = [];
  #made = 0;

  add(fault: Fault): FaultHandle {
    this.#made += 1;
    const entry: Entry = { id: this.#made, fault, seen: 0, struck: 0 };
    this.#entries.push(entry);
    const remove = () => {
      this.#entries = this.#entries.filter((other) => other !== entry);
    };
    return {
      id: entry.id,
      get struck() {
        return entry.struck;
      },
      remove,
    };
  }

  /** The fault that strikes this request, if one does. */
  take(route: Route): FaultAction | null {
    const matching = this.#entries.filter(({ fault }) => matches(fault, route));
    for (const entry of matching) entry.seen += 1;
    const due = matching.find(({ fault, seen, struck }) => {
      return seen >= (fault.nth ?? 1) && (fault.forever === true || struck < (fault.times ?? 1));
    });
    if (!due) return null;
    due.struck += 1;
    return due.fault.do;
  }

  list(): { id: number; fault: Fault; struck: number }[] {
    return this.#entries.map(({ id, fault, struck }) => ({ id, fault, struck }));
  }

  clear(): void {
    this.#entries = [];
  }
}

function matches(fault: Fault, route: Route): boolean {
  const same = (wanted: string | undefined, found: string | null) =>
    wanted === undefined || wanted.toLowerCase() === found;
  return (
    (fault.route === "any" || fault.route === route.name) &&
    same(fault.element, route.element) &&
    same(fault.resource, route.resource) &&
    same(fault.line, route.line)
  );
}
