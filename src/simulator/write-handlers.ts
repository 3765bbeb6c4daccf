import { addAnswer } from "./add-answers.ts";
import * as refusal from "./refusals.ts";
import { empty, type Handled, json } from "./reply.ts";
import { parameter, type SimulatedRequest } from "./request.ts";
import type { Settings } from "./settings.ts";
import type { Element, World } from "./world.ts";

/** How an add or a deletion becomes visible: so many readings later. */
export type Visibility = { addedAfterReads: number; deletedAfterReads: number };

const LINE_TYPES = ["contact", "inventory-model", "service-offering", "serial-unit"];

/** Every add makes a new line: Flex lets a person have several shifts (inferred). */
export function addResource(
  resourceId: string,
  request: SimulatedRequest,
  element: Element,
  world: World,
  settings: Settings,
  visibility: Visibility,
): Handled {
  const name = "managedResourceLineItemType";
  const type = parameter(request, name);
  if (type === null) return { reply: refusal.badParameter(name, "ManagedResourceLineItemType", "missing") };
  if (!LINE_TYPES.includes(type)) {
    return { reply: refusal.badParameter(name, "ManagedResourceLineItemType", "unknown") };
  }
  if (element.state === "deleted") return { reply: refusal.unableToFind("element", element.id) };
  if (element.locked) return { reply: refusal.locked(settings.lockedStatus) };
  if (type === "contact" && settings.strictContacts && !world.contacts.has(resourceId)) {
    return { reply: refusal.unableToFind("contact", resourceId) };
  }
  const parentId = parameter(request, "parentLineItemId")?.toLowerCase() || null;
  if (parentId !== null && world.lines.find(parentId)?.elementId !== element.id) {
    return { reply: refusal.unableToFind("line item", parentId) };
  }
  const id = world.newId();
  const accessoryId = settings.addAnswer.startsWith("with-accessory") ? world.newId() : null;
  const line = {
    id,
    elementId: element.id,
    resourceId,
    parentId,
    nextSiblingId: parameter(request, "nextSiblingId")?.toLowerCase() ?? null,
    quantity: Number(parameter(request, "quantity")) || 1,
    madeBy: "api",
    hiddenReads: visibility.addedAfterReads,
  } as const;
  const apply = () => {
    if (type === "contact") world.addContactLine(line);
    else world.lines.insert({ ...line, kind: "other" });
    if (accessoryId !== null) {
      world.lines.insert({
        id: accessoryId,
        elementId: element.id,
        kind: "other",
        parentId: id,
        name: "Accessory",
        madeBy: "api",
      });
    }
  };
  return { reply: addAnswer(settings.addAnswer, id, accessoryId), apply };
}

/** Sets one cell. Only `business-role` is kept; the answer's body is unknown, `{}` here. */
export function setCell(
  request: SimulatedRequest,
  element: Element,
  world: World,
  settings: Settings,
): Handled {
  if (typeof request.json !== "object" || request.json === null) {
    return { reply: refusal.badRequest("Required request body is missing") };
  }
  const { lineItemId, fieldType, payloadValue } = request.json as Record<string, unknown>;
  const line = typeof lineItemId === "string" ? world.lines.find(lineItemId) : undefined;
  if (!line || line.elementId !== element.id) {
    return { reply: refusal.unableToFind("line item", String(lineItemId)) };
  }
  if (element.locked) return { reply: refusal.locked(settings.lockedStatus) };
  const roleId = typeof payloadValue === "string" && payloadValue !== "" ? payloadValue : null;
  const apply = () => {
    if (fieldType === "business-role") line.roleId = roleId;
  };
  return { reply: json(200, {}), apply };
}

export function removeLine(
  lineId: string,
  world: World,
  settings: Settings,
  visibility: Visibility,
): Handled {
  const line = world.lines.find(lineId);
  const element = line && world.element(line.elementId);
  if (!line || !element || element.state !== "there") {
    if (settings.deleteRepeat === 204) return { reply: empty(204) };
    if (settings.deleteRepeat === 404)
      return { reply: refusal.notFound(`Unable to find line item ${lineId}`) };
    return { reply: refusal.unableToFind("line item", lineId) };
  }
  if (!element.accessible) return { reply: refusal.accessDenied() };
  if (element.locked) return { reply: refusal.locked(settings.lockedStatus) };
  const apply = () => world.lines.remove(line.id, visibility.deletedAfterReads);
  return { reply: empty(settings.deleteStatus), apply };
}
