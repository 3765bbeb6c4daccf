import type { SimulatedRequest } from "./request.ts";
import type { Route } from "./routes.ts";

/** One request that reached the simulator. It is logged when it arrives and completed while it is answered. */
export type Call = {
  /** Counts from 1 since the start. */
  number: number;
  /** The simulator's clock, milliseconds since 1970. */
  at: number;
  method: string;
  path: string;
  query: string;
  route: Route["name"];
  element: string | null;
  resource: string | null;
  line: string | null;
  /** The form fields. */
  params: Record<string, string>;
  /** The JSON body. */
  json: unknown;
  /** The status that was answered, null while or if there was none. */
  status: number | null;
  /** The request changed the world. */
  applied: boolean;
  /** The fault that struck it. */
  fault: string | null;
  /** Requests under way when it arrived, itself included. */
  concurrent: number;
  /** The number of the connection that brought it. */
  connection: number;
  /** Its answer has been sent, or its connection is gone. */
  ended: boolean;
};

export type CallFilter = { route?: Route["name"]; element?: string; ended?: boolean };

type Waiter = { count: number; filter: CallFilter; resolve: (calls: Call[]) => void };

/** Every request since the start or the last `clear`. */
export class CallLog {
  calls: Call[] = [];
  maxConcurrent = 0;
  #number = 0;
  #concurrent = 0;
  #waiters: Waiter[] = [];

  begin(request: SimulatedRequest, route: Route, connection: number, at: number): Call {
    this.#number += 1;
    this.#concurrent += 1;
    this.maxConcurrent = Math.max(this.maxConcurrent, this.#concurrent);
    const call: Call = {
      number: this.#number,
      at,
      method: request.method,
      path: request.path,
      query: request.query.toString(),
      route: route.name,
      element: route.element,
      resource: route.resource,
      line: route.line,
      params: Object.fromEntries(request.form),
      json: request.json,
      status: null,
      applied: false,
      fault: null,
      concurrent: this.#concurrent,
      connection,
      ended: false,
    };
    this.calls.push(call);
    this.#wake();
    return call;
  }

  end(call: Call): void {
    this.#concurrent -= 1;
    call.ended = true;
    this.#wake();
  }

  /** Resolves with the matching calls as soon as there are `count` of them. */
  wait(count: number, filter: CallFilter = {}): Promise<Call[]> {
    return new Promise((resolve) => {
      this.#waiters.push({ count, filter, resolve });
      this.#wake();
    });
  }

  clear(): void {
    this.calls = [];
    this.maxConcurrent = this.#concurrent;
  }

  #wake(): void {
    this.#waiters = this.#waiters.filter(({ count, filter, resolve }) => {
      const found = this.calls.filter((call) => matches(call, filter));
      if (found.length < count) return true;
      resolve(found);
      return false;
    });
  }
}

function matches(call: Call, { route, element, ended }: CallFilter): boolean {
  return (
    (route === undefined || call.route === route) &&
    (element === undefined || call.element === element.toLowerCase()) &&
    (ended === undefined || call.ended === ended)
  );
}
