import { randomUUID } from "node:crypto";

/** A line of an element, in the shape that `record_observation` takes. */
export interface FlexLine {
  flex_line_item_id: string;
  flex_resource_id: string | null;
  is_contact: boolean;
  parent_line_item_id: string | null;
  flex_role_id: string | null;
  shows_role: boolean;
  name: string | null;
}

/** The part of Flex that matters to the SQL: lines per element, what people do there, and what we did. */
export interface FlexInMemory {
  /** Whether rows show the business role: `shown`, `hidden` (no such field). */
  roles: "shown" | "hidden";
  /** Elements that do not exist any more: no lines, and GET identity says so. */
  readonly gone: Set<string>;
  /** Every write that took effect, in order: `add RESOURCE`, `set_role LINE ROLE`, `remove LINE`. */
  readonly writes: string[];
  /** What a reading shows now. */
  linesOf(element: string): FlexLine[];
  resourcesOf(element: string): (string | null)[];
  add(element: string, resource: string | null, line?: Partial<FlexLine>): string;
  setRole(element: string, line: string, role: string): void;
  remove(element: string, line: string): void;
}

export function makeFlex(): FlexInMemory {
  const elements = new Map<string, FlexLine[]>();
  const linesOf = (element: string) => elements.get(element) ?? [];
  return {
    roles: "shown",
    gone: new Set(),
    writes: [],
    linesOf(element) {
      const shows_role = this.roles === "shown";
      return linesOf(element).map((line) => ({
        ...line,
        shows_role,
        flex_role_id: shows_role ? line.flex_role_id : null,
      }));
    },
    resourcesOf: (element) => linesOf(element).map((line) => line.flex_resource_id),
    add(element, resource, line = {}) {
      const added: FlexLine = {
        flex_line_item_id: randomUUID(),
        flex_resource_id: resource,
        is_contact: resource !== null,
        parent_line_item_id: null,
        flex_role_id: null,
        shows_role: true,
        name: null,
        ...line,
      };
      elements.set(element, [...linesOf(element), added]);
      return added.flex_line_item_id;
    },
    setRole(element, id, role) {
      for (const line of linesOf(element)) if (line.flex_line_item_id === id) line.flex_role_id = role;
    },
    remove(element, id) {
      const below = new Set([id]);
      for (const line of linesOf(element))
        if (line.parent_line_item_id && below.has(line.parent_line_item_id))
          below.add(line.flex_line_item_id);
      elements.set(
        element,
        linesOf(element).filter((line) => !below.has(line.flex_line_item_id)),
      );
    },
  };
}
