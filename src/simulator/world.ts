import { type Line, LineStore, type NewLine } from "./lines.ts";
import type { Settings } from "./settings.ts";

export type Element = {
  id: string;
  state: "there" | "deleted" | "missing";
  locked: boolean;
  accessible: boolean;
};

/** Everything the simulated Flex knows. Ids are lower-case inside and match in any case. */
export class World {
  readonly lines = new LineStore();
  readonly elements = new Map<string, Element>();
  readonly contacts = new Map<string, string>();
  readonly newId: () => string;
  readonly #settings: Settings;

  constructor(settings: Settings, newId: () => string) {
    this.#settings = settings;
    this.newId = newId;
  }

  /** Announces an element (a crew call document) and puts on it what the profiles ask for. */
  addElement(
    elementId: string,
    options: { deleted?: boolean; locked?: boolean; accessible?: boolean } = {},
  ): void {
    const id = elementId.toLowerCase();
    const { deleted = false, locked = false, accessible = true } = options;
    this.elements.set(id, { id, state: deleted ? "deleted" : "there", locked, accessible });
    const { profile } = this.#settings;
    const insert = (row: Pick<NewLine, "kind" | "note" | "name">) => {
      this.lines.insert({ ...row, id: this.newId(), elementId: id, madeBy: "human" });
    };
    if (profile.includes("blank-line")) insert({ kind: "blank" });
    if (profile.includes("note-line")) insert({ kind: "note", note: "Doors at 18:00" });
    if (profile.includes("grouped")) insert({ kind: "heading", name: "Crew" });
  }

  /** The element, announced or (without `strictElements`) made up now. */
  element(elementId: string): Element | undefined {
    const id = elementId.toLowerCase();
    if (!this.elements.has(id) && !this.#settings.strictElements) this.addElement(id);
    return this.elements.get(id);
  }

  deleteElement(elementId: string, as: "deleted" | "missing" = "deleted"): void {
    this.known(elementId).state = as;
  }

  restoreElement(elementId: string): void {
    this.known(elementId).state = "there";
  }

  lockElement(elementId: string, locked = true): void {
    this.known(elementId).locked = locked;
  }

  setAccessible(elementId: string, accessible: boolean): void {
    this.known(elementId).accessible = accessible;
  }

  addContact(resourceId: string, name: string): void {
    this.contacts.set(resourceId.toLowerCase(), name);
  }

  nameOf(resourceId: string): string {
    return this.contacts.get(resourceId) ?? `Contact ${resourceId.slice(0, 8)}`;
  }

  /** The lines that are really there, whatever a reading shows. Copies: changing them changes nothing. */
  linesOf(elementId: string): Line[] {
    return this.lines.of(elementId.toLowerCase()).map(({ gone, hiddenReads, ghostReads, ...line }) => line);
  }

  contactLinesOf(elementId: string): Line[] {
    return this.linesOf(elementId).filter((line) => line.kind === "contact");
  }

  /** Adds a contact line; with the profile `dup-contact` a second one, with `grouped` below the heading. */
  addContactLine(line: Omit<NewLine, "kind">): void {
    const grouped = this.#settings.profile.includes("grouped");
    const heading = grouped
      ? this.lines.of(line.elementId).find((other) => other.kind === "heading")
      : undefined;
    const parentId = line.parentId ?? heading?.id ?? null;
    const name = line.resourceId ? this.nameOf(line.resourceId) : null;
    this.lines.insert({ ...line, kind: "contact", name, parentId });
    if (this.#settings.profile.includes("dup-contact")) {
      this.lines.insert({ ...line, id: this.newId(), kind: "contact", name, parentId });
    }
  }

  clear(): void {
    this.lines.clear();
    this.elements.clear();
    this.contacts.clear();
  }

  /** The element, or an error for whoever drives the simulator. */
  known(elementId: string): Element {
    const element = this.element(elementId);
    if (!element) throw new Error(`the simulator knows no element ${elementId}: call addElement first`);
    return element;
  }
}
