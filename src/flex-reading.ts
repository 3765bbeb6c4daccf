import { messageOf } from "./flex-error-text.ts";
import type { DoubtReason } from "./flex-outcome.ts";
import { isContact, isObject, lineIdOf, nameOf, type Row, resourceOf, roleOf } from "./flex-reading-row.ts";

/** One line of a reading. Line and resource ids are trimmed and lower-case, role ids (opaque) only trimmed. */
export type FlexLine = {
  flex_line_item_id: string;
  flex_resource_id: string | null;
  /** The row says itself that it is a contact: only then may a line that is not ours be removed. */
  is_contact: boolean;
  /** The nearest row above it that is a line. */
  parent_line_item_id: string | null;
  flex_role_id: string | null;
  /** False where the row shows no readable role: then `flex_role_id` says nothing. */
  shows_role: boolean;
  name: string | null;
};

export type Reading = { ok: true; lines: FlexLine[] } | { ok: false; reason: DoubtReason; error: string };

const MAX_DEPTH = 50;
const MAX_ROWS = 20_000;

/**
 * Reads the answer of `GET /line-item/{element}/row-data/`: one bare array of rows that nest (recorded).
 *
 * One row in doubt rejects the whole reading, because a reading with a hole looks like people who left:
 * not an array (an array wrapped in an object too), a row that is not an object, a repeated line id, a resource
 * without a line id, two resources in one row, `children` that are an object, more than 50 levels or 20,000 rows.
 *
 * No doubt: an empty array (an empty crew call), `children: null` (recorded on leaves), rows with neither line id nor
 * resource (headings, blank lines). Those are skipped and their children read. Children stand in `children`
 * (recorded), `items` or `data.children` (clients only).
 */
export function parseReading(json: unknown): Reading {
  if (!Array.isArray(json)) {
    return doubt("not_an_array", `the rows are ${describe(json)} instead of an array`);
  }
  const lines: FlexLine[] = [];
  const seen = new Set<string>();
  let rows = 0;

  const readRows = (list: unknown[], parent: string | null, depth: number): Reading | null => {
    if (depth > MAX_DEPTH && list.length > 0)
      return doubt("too_deep", `rows nest deeper than ${MAX_DEPTH} levels`);
    for (const row of list) {
      rows += 1;
      if (rows > MAX_ROWS) return doubt("too_many_rows", `more than ${MAX_ROWS} rows`);
      if (!isObject(row)) return doubt("row_not_an_object", `row ${rows} is ${describe(row)}`);
      const line = readLine(row, parent);
      if (line && "ok" in line) return line;
      if (line && seen.has(line.flex_line_item_id)) {
        return doubt("repeated_line_id", `line ${line.flex_line_item_id} is there twice`);
      }
      if (line) {
        seen.add(line.flex_line_item_id);
        lines.push(line);
      }
      const children = childrenOf(row);
      if (!children) return doubt("children_not_an_array", `row ${rows} has children that are no array`);
      const found = readRows(children, line?.flex_line_item_id ?? parent, depth + 1);
      if (found) return found;
    }
    return null;
  };
  return readRows(json, null, 1) ?? { ok: true, lines };
}

/** The line of one row, null for a row that is none, or a doubt. */
function readLine(row: Row, parent: string | null): FlexLine | (Reading & { ok: false }) | null {
  const lineId = lineIdOf(row);
  const resource = resourceOf(row);
  if (resource.conflicting) {
    return doubt("conflicting_resource", `line ${lineId ?? "without an id"} shows two different resources`);
  }
  if (lineId === null) {
    if (resource.id === null) return null;
    return doubt("resource_without_line_id", `resource ${resource.id} is on a row without a line id`);
  }
  return {
    flex_line_item_id: lineId,
    flex_resource_id: resource.id,
    is_contact: isContact(row, resource.id),
    parent_line_item_id: parent,
    ...roleOf(row),
    name: nameOf(row),
  };
}

/** All child rows, or null when `children` is an object: rows could hide in it. */
function childrenOf(row: Row): unknown[] | null {
  if (isObject(row.children)) return null;
  const nested = isObject(row.data) ? row.data.children : undefined;
  const lists: unknown[] = [row.children, row.items, nested];
  return lists.flatMap((list) => (Array.isArray(list) ? list : []));
}

function doubt(reason: DoubtReason, error: string): Reading & { ok: false } {
  return { ok: false, reason, error };
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return `a ${typeof value}`;
  const message = messageOf(value);
  return message === null ? "an object" : `an object that says: ${message}`;
}
