/** What a line is. `other` is equipment and accessories, `raw` a row that is shown exactly as it was given. */
export type LineKind = "contact" | "blank" | "note" | "heading" | "other" | "raw";

/** One line of an element. */
export type Line = {
  id: string;
  elementId: string;
  kind: LineKind;
  resourceId: string | null;
  roleId: string | null;
  parentId: string | null;
  name: string | null;
  note: string | null;
  quantity: number;
  ordinal: number;
  madeBy: "api" | "human";
  raw: Record<string, unknown> | null;
};

/** A line in the store, with what delays make readings show. */
export type StoredLine = Line & {
  gone: boolean;
  /** So many more readings lack the line although it is there. */
  hiddenReads: number;
  /** So many more readings show the line although it is gone. */
  ghostReads: number;
};

export type NewLine = Pick<Line, "id" | "elementId" | "kind" | "madeBy"> &
  Partial<Pick<Line, "resourceId" | "roleId" | "parentId" | "name" | "note" | "quantity" | "raw">> & {
    /** Put before this line; at the end without it. */
    nextSiblingId?: string | null;
    hiddenReads?: number;
  };

/** The lines of all elements, in order. */
export class LineStore {
  #lines: StoredLine[] = [];

  /** The line with this id, if it is there. */
  find(id: string): StoredLine | undefined {
    return this.#lines.find((line) => line.id === id.toLowerCase() && !line.gone);
  }

  insert(line: NewLine): StoredLine {
    const { nextSiblingId, hiddenReads = 0, ...given } = line;
    const stored: StoredLine = {
      resourceId: null,
      roleId: null,
      parentId: null,
      name: null,
      note: null,
      quantity: 1,
      raw: null,
      ...given,
      ordinal: 0,
      gone: false,
      hiddenReads,
      ghostReads: 0,
    };
    const next = nextSiblingId ? this.#lines.findIndex((other) => other.id === nextSiblingId) : -1;
    this.#lines.splice(next === -1 ? this.#lines.length : next, 0, stored);
    this.#number(line.elementId);
    return stored;
  }

  /** Removes a line and everything below it (inferred). */
  remove(id: string, ghostReads = 0): void {
    const line = this.find(id);
    if (!line) return;
    line.gone = true;
    line.ghostReads = ghostReads;
    for (const child of this.of(line.elementId)) {
      if (child.parentId === line.id) this.remove(child.id, ghostReads);
    }
    this.#number(line.elementId);
  }

  /** The lines that are there, in order. */
  of(elementId: string): StoredLine[] {
    return this.#lines.filter((line) => line.elementId === elementId && !line.gone);
  }

  /** The lines that a reading shows. Each call is one reading: delays count down. */
  read(elementId: string): StoredLine[] {
    return this.#lines.filter((line) => {
      if (line.elementId !== elementId) return false;
      if (line.gone) return line.ghostReads-- > 0;
      return line.hiddenReads-- <= 0;
    });
  }

  clear(): void {
    this.#lines = [];
  }

  #number(elementId: string): void {
    for (const [ordinal, line] of this.of(elementId).entries()) line.ordinal = ordinal;
  }
}
