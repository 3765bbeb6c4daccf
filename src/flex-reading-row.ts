import { isUuidShaped } from "./flex-add-answer.ts";
import { printable } from "./flex-error-text.ts";

export type Row = Record<string, unknown>;

/** What a row says about its resource; `conflicting` when two different UUID-shaped identities stand in it. */
export type RowResource = { id: string | null; conflicting: boolean };

const MAX_ID_LENGTH = 200;

export function isObject(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Line id: `id`, else `lineItemId`, else `lineItem.id` (what public clients read; `id` is recorded). */
export function lineIdOf(row: Row): string | null {
  return (
    readId(row.id) ?? readId(row.lineItemId) ?? readId(isObject(row.lineItem) ? row.lineItem.id : undefined)
  );
}

/**
 * Contact id: `resourceId` (recorded on other documents), `resource.id`, `resource.resourceId` (clients only), the
 * `contact` cell (inferred). A UUID-shaped identity wins over one that is not.
 */
export function resourceOf(row: Row): RowResource {
  const resource = isObject(row.resource) ? row.resource : {};
  const found = [row.resourceId, resource.id, resource.resourceId].map(readId);
  found.push(contactCellId(row));
  const ids = found.filter((id): id is string => id !== null);
  const shaped = new Set(ids.filter(isUuidShaped));
  return { id: [...shaped][0] ?? ids[0] ?? null, conflicting: shaped.size > 1 };
}

/**
 * Whether the row itself says that it is a contact: `managedResourceLineItemType` or a string `type` is "contact", its
 * resource's `className` or `domainId` is, or its `contact` cell holds its resource. Upper or lower case.
 *
 * An object `type` (a resource type such as "Freelance Labor") and `lineItemType` say nothing about that. Another
 * `managedResourceLineItemType` says that it is none.
 */
export function isContact(row: Row, resourceId: string | null): boolean {
  if (typeof row.managedResourceLineItemType === "string")
    return saysContact(row.managedResourceLineItemType);
  if (saysContact(row.type)) return true;
  if (isObject(row.resource) && (saysContact(row.resource.className) || saysContact(row.resource.domainId))) {
    return true;
  }
  return resourceId !== null && contactCellId(row) === resourceId;
}

/**
 * The business role. Unknown for real crew rows, so every plausible cell is read: a bare id, `{id}`, the envelope
 * `{fieldType, data}` with an id or `{id}` in it. Null or an envelope without data is a line without a role.
 * An absent key or anything else shows nothing.
 */
export function roleOf(row: Row): { flex_role_id: string | null; shows_role: boolean } {
  const cell = row["business-role"] !== undefined ? row["business-role"] : row.businessRole;
  const value = isEnvelope(cell) ? (cell.data ?? null) : cell;
  const id = isObject(value) && "id" in value ? value.id : value;
  if (id === null || (typeof id === "string" && id.trim() === ""))
    return { flex_role_id: null, shows_role: true };
  const role = typeof id === "string" ? id.trim() : "";
  if (role === "" || !isPlain(role)) return { flex_role_id: null, shows_role: false };
  return { flex_role_id: role, shows_role: true };
}

/** The name for people to read: `name`, else the one in the `contact` cell or the resource. */
export function nameOf(row: Row): string | null {
  const cell = isEnvelope(row.contact) ? row.contact.data : row.contact;
  for (const holder of [row, cell, row.resource]) {
    const name = isObject(holder) && typeof holder.name === "string" ? printable(holder.name, 200) : "";
    if (name !== "") return name;
  }
  return null;
}

/** A bare string in the `contact` cell is an id only if it looks like one: it may be a name. */
function contactCellId(row: Row): string | null {
  const cell = isEnvelope(row.contact) ? row.contact.data : row.contact;
  if (isObject(cell)) return readId(cell.id);
  return isUuidShaped(cell) ? readId(cell) : null;
}

function isEnvelope(cell: unknown): cell is Row {
  return isObject(cell) && !("id" in cell) && ("data" in cell || "fieldType" in cell);
}

function saysContact(value: unknown): boolean {
  return typeof value === "string" && value.trim().toLowerCase() === "contact";
}

function readId(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const id = value.trim().toLowerCase();
  return id === "" || !isPlain(id) ? null : id;
}

/** Ids with control characters or without an end are none (Postgres refuses a zero byte). */
function isPlain(id: string): boolean {
  return id.length <= MAX_ID_LENGTH && printable(id, MAX_ID_LENGTH) === id;
}
