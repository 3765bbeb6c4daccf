import type { Dispatcher } from "undici";
import type { SimulatedRequest } from "../../src/simulator/request.ts";
import { findRoute, type Route } from "../../src/simulator/routes.ts";
import type { Entry } from "./timeline.ts";

/** One request of a drainer, from the moment it looks for a connection. */
export type Exchange = {
  number: number;
  drainer: Sleeper;
  route: Route;
  request: SimulatedRequest;
  /** When the drainer gives up. */
  deadlineAt: number;
  deadline?: Entry;
  state: "connecting" | "sent" | "over";
  /** When the first byte left. */
  sentAt: number | null;
  /** When it takes effect in Flex, null for never; undefined while it is not sent. */
  landsAt?: number | null;
  landed: boolean;
  client: Client;
};

/** Whoever waits for the answer: it may be dead, or stand still. */
export type Sleeper = { dead: boolean; frozen: boolean; whenAwake(act: () => void): void };

/** The side of the drainer: what undici would tell it. */
export type Client = {
  /** @returns whether the request may leave */
  start(): boolean;
  answer(status: number, contentType: string | null, body: string, headers: Record<string, string>): void;
  /** A status line and half of a body. */
  half(status: number, body: string): void;
  fail(message: string): void;
};

/** A dispatcher that hands every request over instead of sending it. */
export function createDispatcher(
  begin: (request: SimulatedRequest, route: Route, client: Client) => void,
): Dispatcher {
  const dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean => {
    const request = readOptions(options);
    begin(request, findRoute(request.method, request.path), clientOf(handler));
    return true;
  };
  return { dispatch } as unknown as Dispatcher;
}

function clientOf(handler: Dispatcher.DispatchHandler): Client {
  let aborted = false;
  const controller = {
    abort: () => {
      aborted = true;
    },
  } as unknown as Dispatcher.DispatchController;
  return {
    start() {
      handler.onRequestStart?.(controller, {});
      return !aborted;
    },
    answer(status, contentType, body, headers) {
      const typed = contentType === null ? headers : { ...headers, "content-type": contentType };
      handler.onResponseStart?.(controller, status, typed);
      if (body !== "") handler.onResponseData?.(controller, Buffer.from(body));
      handler.onResponseEnd?.(controller, {});
    },
    half(status, body) {
      handler.onResponseStart?.(controller, status, {});
      handler.onResponseData?.(controller, Buffer.from(body.slice(0, body.length / 2)));
      handler.onResponseError?.(controller, new Error("other side closed"));
    },
    fail: (message) => handler.onResponseError?.(controller, new Error(message)),
  };
}

function readOptions({ method, path, headers, body }: Dispatcher.DispatchOptions): SimulatedRequest {
  const url = new URL(path.replace(/^\/f5\/api/, ""), "http://flex");
  const type = String((headers as Record<string, string>)["Content-Type"] ?? "");
  const text = typeof body === "string" ? body : "";
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    form: new URLSearchParams(type.startsWith("application/x-www-form-urlencoded") ? text : ""),
    json: type.startsWith("application/json") ? JSON.parse(text) : undefined,
  };
}
