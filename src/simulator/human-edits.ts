import type { NewLine, StoredLine } from "./lines.ts";
import type { World } from "./world.ts";

/** A row that a person puts on an element by hand. */
export type HumanRow =
  | { kind: "blank" }
  | { kind: "note"; note: string }
  | { kind: "heading"; name: string; children?: readonly string[] }
  | { kind: "raw"; row: Record<string, unknown> };

export type HumanAddOptions = { roleId?: string | null; parentId?: string | null; quantity?: number };

/** What a person does on an element in Flex's own user interface. Locks do not stop them. */
export type HumanEdits = {
  /** Adds a contact line and returns its id. */
  humanAdds(elementId: string, resourceId: string, options?: HumanAddOptions): string;
  humanDeletes(lineId: string): void;
  humanSetsRole(lineId: string, roleId: string | null): void;
  /** Puts somebody else on a line, or nobody: the line keeps its id. */
  humanChangesContact(lineId: string, resourceId: string | null): void;
  /** Adds a row that is no plain contact line and returns its id. The children of a heading are contact lines. */
  humanAddsRow(elementId: string, row: HumanRow): string;
};

export function createHumanEdits(world: World): HumanEdits {
  const lineOf = (lineId: string): StoredLine => {
    const line = world.lines.find(lineId);
    if (!line) throw new Error(`the simulator has no line ${lineId}`);
    return line;
  };
  const edits: HumanEdits = {
    humanAdds(elementId, resourceId, options = {}) {
      const id = world.newId();
      const resource = resourceId.toLowerCase();
      const name = world.nameOf(resource);
      const base = { id, elementId: world.known(elementId).id, resourceId: resource, name };
      world.lines.insert({ ...options, ...base, kind: "contact", madeBy: "human" });
      return id;
    },
    humanDeletes(lineId) {
      world.lines.remove(lineOf(lineId).id);
    },
    humanSetsRole(lineId, roleId) {
      lineOf(lineId).roleId = roleId;
    },
    humanChangesContact(lineId, resourceId) {
      const line = lineOf(lineId);
      line.resourceId = resourceId?.toLowerCase() ?? null;
      line.name = line.resourceId ? world.nameOf(line.resourceId) : null;
    },
    humanAddsRow(elementId, row) {
      const given = row.kind === "raw" && typeof row.row.id === "string" ? row.row.id.toLowerCase() : null;
      const line: NewLine = {
        id: given ?? world.newId(),
        elementId: world.known(elementId).id,
        kind: row.kind,
        madeBy: "human",
        note: row.kind === "note" ? row.note : null,
        name: row.kind === "heading" ? row.name : null,
        raw: row.kind === "raw" ? row.row : null,
      };
      world.lines.insert(line);
      const children = row.kind === "heading" ? (row.children ?? []) : [];
      for (const resourceId of children) edits.humanAdds(elementId, resourceId, { parentId: line.id });
      return line.id;
    },
  };
  return edits;
}
