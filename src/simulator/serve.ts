import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { CallLog } from "./calls.ts";
import { answer } from "./exchange.ts";
import type { FaultBook } from "./faults.ts";
import { handle } from "./handlers.ts";
import type { Later } from "./later.ts";
import type { LimitCounter } from "./limits.ts";
import * as refusal from "./refusals.ts";
import { json, type Reply } from "./reply.ts";
import { readRequest, type SimulatedRequest } from "./request.ts";
import { send } from "./respond.ts";
import { findRoute, type Route } from "./routes.ts";
import type { Settings } from "./settings.ts";
import type { World } from "./world.ts";

export type Parts = {
  world: World;
  settings: Settings;
  faults: FaultBook;
  log: CallLog;
  limits: LimitCounter;
  later: Later;
  clock: () => number;
  random: () => number;
  isValidToken: (token: string | undefined) => boolean;
  control: (request: SimulatedRequest) => Reply;
  connectionOf: (incoming: IncomingMessage) => number;
};

const BASE = "/f5/api";
const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** The request listener of the simulated Flex. */
export function serveFlex(parts: Parts): RequestListener {
  return (incoming, response) => {
    serve(parts, incoming, response).catch((error) => {
      send(response, json(500, { exceptionMessage: `The simulator failed: ${error}` }));
    });
  };
}

async function serve(parts: Parts, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { log, later, settings } = parts;
  const request = await readRequest(incoming);
  if (request.path.startsWith("/__simulator/")) {
    const isNear = LOOPBACK.test(incoming.socket.remoteAddress ?? "");
    return send(response, isNear ? parts.control(request) : refusal.forbidden());
  }
  const route = routeOf(request, parts.world);
  const call = log.begin(request, route, parts.connectionOf(incoming), parts.clock());
  response.on("close", () => log.end(call));

  const refused = gate(parts, request, incoming.headers["x-auth-token"], call.concurrent);
  await later.sleep(settings.latencyMs);
  if (refused) {
    call.status = refused.status;
    return send(response, refused);
  }
  const fault = parts.faults.take(route);
  const handleIt = (visibility: Parameters<typeof handle>[4]) =>
    handle(route, request, parts.world, settings, visibility);
  await answer({ response, call, later, random: parts.random, handle: handleIt }, fault);
}

/** What is refused before any route is asked: wrong place, wrong token, too many requests. */
function gate(
  parts: Parts,
  request: SimulatedRequest,
  token: string | string[] | undefined,
  concurrent: number,
): Reply | null {
  if (!/^\/f5(\/|$)/.test(request.path)) return refusal.forbidden();
  if (!parts.isValidToken(typeof token === "string" ? token : undefined)) return refusal.accessDenied();
  return parts.limits.take(parts.settings.limits, concurrent);
}

/** The route, with the line of a role and the element and resource of a line filled in for faults and the log. */
function routeOf(request: SimulatedRequest, world: World): Route {
  const isApi = request.path.startsWith(`${BASE}/`);
  const route = findRoute(request.method, isApi ? request.path.slice(BASE.length) : "");
  if (route.name === "role" && typeof request.json === "object" && request.json !== null) {
    const { lineItemId } = request.json as Record<string, unknown>;
    route.line = typeof lineItemId === "string" ? lineItemId.toLowerCase() : null;
  }
  const line = route.line === null ? undefined : world.lines.find(route.line);
  if (!line) return route;
  return { ...route, element: route.element ?? line.elementId, resource: line.resourceId };
}
