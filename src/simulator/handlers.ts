import * as refusal from "./refusals.ts";
import { type Handled, json, type Reply } from "./reply.ts";
import type { SimulatedRequest } from "./request.ts";
import type { Route } from "./routes.ts";
import { rowsOf } from "./rows.ts";
import type { Settings } from "./settings.ts";
import type { Element, World } from "./world.ts";
import { addResource, removeLine, setCell, type Visibility } from "./write-handlers.ts";

/** Answers one request that the token and the limits let through. The change to the world is `apply`, not yet done. */
export function handle(
  route: Route,
  request: SimulatedRequest,
  world: World,
  settings: Settings,
  visibility: Visibility,
): Handled {
  if (route.methodNotSupported) return { reply: refusal.methodNotSupported(request.method) };
  if (route.name === "user") return { reply: json(200, CURRENT_USER) };
  if (route.name === "remove") return removeLine(route.line ?? "", world, settings, visibility);
  if (route.name === "other")
    return { reply: refusal.notFound(`No endpoint ${request.method} ${request.path}`) };

  const element = world.element(route.element ?? "");
  if (!element || element.state === "missing") {
    return { reply: refusal.notFound(`Unable to find element with id: ${route.element}`) };
  }
  if (!element.accessible) return { reply: refusal.accessDenied() };
  switch (route.name) {
    case "identity":
      return { reply: identity(element) };
    case "list":
    case "find-rows":
      return { reply: list(route, request, element, world, settings) };
    case "add":
      return addResource(route.resource ?? "", request, element, world, settings, visibility);
    case "role":
      return setCell(request, element, world, settings);
  }
}

function identity({ id, state }: Element): Reply {
  return json(200, {
    id,
    name: "Crew Call",
    documentNumber: "CC-1",
    definitionId: "253878cc-af31-11df-b8d5-00e08175e43e",
    plannedStartDate: "2026-01-01T08:00:00",
    plannedEndDate: "2026-01-01T20:00:00",
    deleted: state === "deleted",
    domainId: "contact-list",
    displayName: "Crew Call",
  });
}

/** `codeList` absent: 400; empty: `[]` whatever is there; otherwise all rows (all recorded). */
function list(
  route: Route,
  request: SimulatedRequest,
  element: Element,
  world: World,
  settings: Settings,
): Reply {
  const given = request.query.getAll("codeList");
  if (given.length === 0) return refusal.badParameter("codeList", "List", "missing");
  const codes = given.flatMap((codeList) => codeList.split(",")).filter((code) => code !== "");
  if (codes.length === 0 || element.state === "deleted") return json(200, []);
  const rows = rowsOf(world.lines.read(element.id), settings, codes);
  if (route.name === "list") return json(200, rows);
  return json(
    200,
    rows.map(({ id, rootLineId, leaf, container }) => ({ id, rootLineId, leaf, container })),
  );
}

/** The keys are recorded, the values made up. */
const CURRENT_USER = {
  id: "7f1f9d3e-2f6b-4f9e-9c51-8a2f0c1d5e77",
  name: "Simulated User",
  userName: "simulated.user",
  emailAddress: "simulated.user@example.com",
  createdDate: "2026-01-01T08:00:00",
  deleted: false,
  systemUser: false,
  supportUser: false,
  locked: false,
};
