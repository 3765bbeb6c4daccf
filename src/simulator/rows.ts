import type { StoredLine } from "./lines.ts";
import type { RoleCell, RowProfile, Settings } from "./settings.ts";

type Row = Record<string, unknown>;

const SHAPES: readonly RowProfile[] = [
  "type-string",
  "nested-resource",
  "untyped",
  "type-object",
  "lineItemType",
  "cell-envelope",
  "qty-n",
];
const RESTRICTIONS = { readOnly: false, readOnlyReason: null, timeAssociated: false, required: false };
const FREELANCE_LABOR = { id: "3d32dccc-aede-11df-b8d5-00e08175e43e", name: "Freelance Labor" };

/**
 * The rows of a reading: lines nested under their parents, in the shape of the profile. Cells appear only for the
 * codes that were asked for (Flex ignores the codes on manifests, recorded; on crew calls it is unknown).
 */
export function rowsOf(lines: readonly StoredLine[], settings: Settings, codes: readonly string[]): Row[] {
  const shown = new Set(lines.map((line) => line.id));
  const build = (parentId: string | null, rootId: string | null): Row[] =>
    lines
      .filter(
        (line) => (line.parentId !== null && shown.has(line.parentId) ? line.parentId : null) === parentId,
      )
      .map((line) => {
        const children = build(line.id, rootId ?? line.id);
        const row = rowOf(line, rootId ?? line.id, children.length === 0, settings, codes);
        return children.length === 0 ? row : { ...row, children };
      });
  return build(null, null);
}

function rowOf(
  line: StoredLine,
  rootId: string,
  leaf: boolean,
  settings: Settings,
  codes: readonly string[],
): Row {
  if (line.raw) return { ...line.raw };
  const shape = SHAPES.find((profile) => settings.profile.includes(profile)) ?? "flat-typed";
  const base: Row = {
    id: line.id,
    rootLineId: rootId,
    ordinal: line.ordinal,
    leaf,
    group: line.kind === "heading",
    container: false,
    name: line.name,
    quantity: line.quantity,
    note: line.note,
  };
  if (line.kind === "note") base.isNote = true;
  if (line.kind === "blank" || line.kind === "note" || line.kind === "heading")
    return { ...base, resourceId: null };
  const row = { ...base, ...resourceCells(line, shape, codes) };
  if (line.kind === "other")
    return { ...row, resourceId: line.resourceId, managedResourceLineItemType: "inventory-model" };
  if (!codes.includes("business-role")) return row;
  const cell = settings.roleCell ?? (shape === "cell-envelope" ? "envelope" : "bare-id");
  return { ...row, ...roleCell(line.roleId, cell) };
}

/** The keys in which a contact line's resource and type stand. */
function resourceCells(line: StoredLine, shape: RowProfile, codes: readonly string[]): Row {
  const { resourceId } = line;
  switch (shape) {
    case "type-string":
      return { resourceId, type: "contact" };
    case "nested-resource":
      return {
        resource: resourceId === null ? null : { id: resourceId, name: line.name },
        managedResourceLineItemType: "contact",
      };
    case "untyped":
      return { resourceId, ...MANIFEST_KEYS };
    case "type-object":
      return { resourceId, type: FREELANCE_LABOR };
    case "lineItemType":
      return { resourceId, lineItemType: "resource" };
    case "cell-envelope":
      return codes.includes("contact") ? { contact: contactEnvelope(line) } : {};
    case "qty-n":
      return { resourceId, managedResourceLineItemType: "contact", quantity: 3 };
    default:
      return { resourceId, managedResourceLineItemType: "contact" };
  }
}

/** What recorded manifest rows carry beside the keys above. */
const MANIFEST_KEYS: Row = {
  barcode: null,
  serial: null,
  isUnit: false,
  quantity: null,
  isNote: false,
  isVirtual: null,
  stencil: "",
  expanded: true,
};

/** The envelope is recorded for header fields, not for rows. */
function envelope(fieldType: string, data: Row | null): Row {
  return { fieldType, ...(data === null ? {} : { data }), fieldRestrictions: RESTRICTIONS };
}

function contactEnvelope({ resourceId, name }: StoredLine): Row {
  if (resourceId === null) return envelope("contact", null);
  return envelope("contact", {
    id: resourceId,
    name,
    preferredDisplayString: name,
    barcode: null,
    deleted: false,
    shortName: null,
    domainId: "contact",
    className: "CONTACT",
  });
}

function roleCell(roleId: string | null, cell: RoleCell): Row {
  const name = `Role ${roleId?.slice(0, 8)}`;
  switch (cell) {
    case "absent":
      return {};
    case "null":
      return { "business-role": null };
    case "bare-id":
      return { "business-role": roleId };
    case "id-name":
      return { "business-role": roleId === null ? null : { id: roleId, name } };
    case "envelope":
      return { "business-role": envelope("business-role", roleId === null ? null : { id: roleId, name }) };
  }
}
