const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export type AddedLine = { lineItemId: string; alsoAdded: string[] };

/**
 * Reads the new line's id from the answer of `add-resource`, or null when the answer does not say it for certain.
 *
 * | answer | line id | evidence |
 * |---|---|---|
 * | `addedResourceLineIds` with one id | that one | four-key body recorded, for contacts inferred |
 * | several added | the only one that is in `affectedRootLineIds` too; the rest are `alsoAdded` | recorded (accessories) |
 * | several added, none or several of them roots | null | – |
 * | none added, one `affectedRootLineIds` | that one (it may be older: the database compares) | clients only |
 * | either key as one bare string | as an array of one | clients only |
 * | `id`, `lineItemId`, `data.id`, `data.lineItemId`, a bare string | that one, if they agree | clients only |
 *
 * Ids are 8-4-4-4-12 hex of any version (recorded: v1 and v4 mixed), returned in lower case. An id of `notLines` (the
 * element and the resource of the request, echoed) is no line id.
 */
export function readAddAnswer(json: unknown, notLines: readonly string[] = []): AddedLine | null {
  const excluded = new Set(notLines.map((id) => id.trim().toLowerCase()));
  const body = asObject(json);
  const added = readIds(body.addedResourceLineIds);
  const roots = readIds(body.affectedRootLineIds);
  if (added === "unreadable" || roots === "unreadable") return null;

  const candidates = added.length > 0 ? added : roots;
  if (candidates.some((id) => excluded.has(id))) return null;
  if (candidates.length > 0) return chooseRoot(candidates, roots);

  const data = asObject(body.data);
  const named = [json, body.id, body.lineItemId, data.id, data.lineItemId]
    .map(readId)
    .filter((id): id is string => id !== null && !excluded.has(id));
  const distinct = new Set(named);
  const only = [...distinct][0];
  return distinct.size === 1 && only !== undefined ? { lineItemId: only, alsoAdded: [] } : null;
}

/** Whether a value has the shape of a Flex id: 8-4-4-4-12 hex digits, any version nibble. */
export function isUuidShaped(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value.trim());
}

function chooseRoot(candidates: string[], roots: string[]): AddedLine | null {
  const possible = candidates.length === 1 ? candidates : candidates.filter((id) => roots.includes(id));
  const lineItemId = possible[0];
  if (possible.length !== 1 || lineItemId === undefined) return null;
  return { lineItemId, alsoAdded: candidates.filter((id) => id !== lineItemId) };
}

function readIds(value: unknown): string[] | "unreadable" {
  if (value === undefined || value === null || value === "") return [];
  const ids = (Array.isArray(value) ? value : [value]).map(readId);
  if (ids.some((id) => id === null)) return "unreadable";
  return [...new Set(ids as string[])];
}

function readId(value: unknown): string | null {
  return isUuidShaped(value) ? value.trim().toLowerCase() : null;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
