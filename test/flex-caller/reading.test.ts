import { describe, expect, it } from "vitest";
import { type FlexLine, parseReading } from "../../src/flex-reading.ts";
import { LINE, RESOURCE, ROLE } from "./local-servers.ts";

const OTHER_LINE = "900a4e69-0000-4000-8000-00000000000a";
const OTHER_RESOURCE = "900a4e69-0000-4000-8000-00000000000c";
const row = { id: LINE, resourceId: RESOURCE };

function linesOf(json: unknown): FlexLine[] {
  const reading = parseReading(json);
  if (!reading.ok) throw new Error(`${reading.reason}: ${reading.error}`);
  return reading.lines;
}

function lineOf(given: object): FlexLine {
  const line = linesOf([given])[0];
  if (!line) throw new Error("no line");
  return line;
}

function doubtOf(json: unknown): string {
  const reading = parseReading(json);
  return reading.ok ? "none" : reading.reason;
}

function nested(depth: number): object[] {
  return depth === 1 ? [{}] : [{ children: nested(depth - 1) }];
}

describe("a line", () => {
  it.each([
    [{ id: LINE }],
    [{ lineItemId: LINE }],
    [{ lineItem: { id: LINE } }],
    [{ id: null, lineItemId: ` ${LINE.toUpperCase()} ` }],
    [{ id: LINE, lineItemId: OTHER_LINE }],
  ])("is known by %j", (given) => {
    expect(lineOf(given).flex_line_item_id).toBe(LINE);
  });

  it.each([
    [{ resourceId: RESOURCE }],
    [{ resourceId: ` ${RESOURCE.toUpperCase()} ` }],
    [{ resource: { id: RESOURCE } }],
    [{ resource: { resourceId: RESOURCE } }],
    [{ contact: RESOURCE }],
    [{ contact: { id: RESOURCE, name: "Ana" } }],
    [{ contact: { fieldType: "contact", data: { id: RESOURCE }, fieldRestrictions: {} } }],
    [{ contact: { fieldType: "contact", data: RESOURCE } }],
    [{ resourceId: RESOURCE, resource: { id: RESOURCE.toUpperCase() }, contact: RESOURCE }],
    [{ resourceId: "contact-7", resource: { id: RESOURCE } }],
  ])("carries the resource of %j", (given) => {
    expect(lineOf({ id: LINE, ...given }).flex_resource_id).toBe(RESOURCE);
  });

  it.each([
    [{}],
    [{ resourceId: null }],
    [{ resourceId: "" }],
    [{ resourceId: 7 }],
    [{ resourceId: "a\u0000b" }],
    [{ resource: null }],
    [{ resource: [] }],
    [{ contact: null }],
    [{ contact: "Ana García" }],
    [{ contact: { fieldType: "contact" } }],
    [{ contact: { fieldType: "contact", data: null } }],
  ])("carries no resource in %j", (given) => {
    expect(lineOf({ id: LINE, ...given }).flex_resource_id).toBeNull();
  });

  it.each([
    [{ managedResourceLineItemType: "contact" }, true],
    [{ managedResourceLineItemType: "CONTACT", type: "Freelance Labor" }, true],
    [{ type: "Contact" }, true],
    [{ resource: { id: RESOURCE, className: "CONTACT" } }, true],
    [{ resource: { id: RESOURCE, domainId: "contact" } }, true],
    [{ contact: { id: RESOURCE } }, true],
    [{ contact: { fieldType: "contact", data: { id: RESOURCE } } }, true],
    [{ contact: RESOURCE.toUpperCase() }, true],
    [{}, false],
    [{ type: { id: RESOURCE, name: "contact" } }, false],
    [{ type: "inventory-model" }, false],
    [{ lineItemType: "contact" }, false],
    [{ managedResourceLineItemType: "inventory-model" }, false],
    [{ managedResourceLineItemType: "inventory-model", type: "contact" }, false],
    [{ contact: { fieldType: "contact" } }, false],
    [{ contact: "Ana García" }, false],
  ])("with %j is a contact: %j", (given, expected) => {
    expect(lineOf({ ...row, ...given }).is_contact).toBe(expected);
  });

  it("that lost its contact is a contact line without a resource", () => {
    const line = lineOf({ id: LINE, resourceId: null, managedResourceLineItemType: "contact" });
    expect(line).toMatchObject({ is_contact: true, flex_resource_id: null });
  });

  it.each([
    [{ "business-role": ROLE }, ROLE],
    [{ businessRole: ` ${ROLE.toUpperCase()} ` }, ROLE.toUpperCase()],
    [{ "business-role": "opaque" }, "opaque"],
    [{ "business-role": { id: ROLE, name: "Tech" } }, ROLE],
    [{ "business-role": { id: ROLE, data: "x" } }, ROLE],
    [{ "business-role": { fieldType: "business-role", data: { id: ROLE } } }, ROLE],
    [{ "business-role": { fieldType: "business-role", data: ROLE } }, ROLE],
    [{ "business-role": { data: { id: ROLE } } }, ROLE],
    [{ "business-role": null }, null],
    [{ "business-role": "" }, null],
    [{ "business-role": { id: null } }, null],
    [{ "business-role": { fieldType: "business-role", fieldRestrictions: {} } }, null],
    [{ "business-role": { fieldType: "business-role", data: null } }, null],
    [{ "business-role": null, businessRole: ROLE }, null],
  ])("shows the role of %j", (given, role) => {
    expect(lineOf({ ...row, ...given })).toMatchObject({ shows_role: true, flex_role_id: role });
  });

  it.each([
    [{}],
    [{ "business-role": 7 }],
    [{ "business-role": true }],
    [{ "business-role": [] }],
    [{ "business-role": {} }],
    [{ "business-role": { name: "Tech" } }],
    [{ "business-role": { id: 7 } }],
    [{ "business-role": { fieldType: "business-role", data: { name: "Tech" } } }],
    [{ "business-role": { fieldType: "business-role", data: [ROLE] } }],
    [{ "business-role": "a\u0000b" }],
  ])("shows no role in %j", (given) => {
    expect(lineOf({ ...row, ...given })).toMatchObject({ shows_role: false, flex_role_id: null });
  });

  it.each([
    [{ name: "Ana  García\u0000" }, "Ana García"],
    [{ name: "", contact: { id: RESOURCE, name: "Ana" } }, "Ana"],
    [{ resource: { id: RESOURCE, name: "Ana" } }, "Ana"],
    [{ name: { data: "Ana" } }, null],
    [{}, null],
  ])("with %j is named %j", (given, name) => {
    expect(lineOf({ ...row, ...given }).name).toBe(name);
  });
});

describe("a reading", () => {
  it("of an empty array is empty and good", () => {
    expect(parseReading([])).toEqual({ ok: true, lines: [] });
  });

  it("nests, and a child's parent is the nearest row with a line id", () => {
    const lines = linesOf([
      {
        id: "h",
        group: true,
        resourceId: null,
        children: [
          { name: "a heading without an id", children: [{ id: "a", resourceId: RESOURCE, children: null }] },
          { id: "b", children: [], items: [{ id: "c" }], data: { children: [{ id: "d" }] } },
        ],
      },
      { name: "blank", resourceId: null, children: [{ id: "e" }] },
      {},
    ]);
    expect(lines.map((line) => [line.flex_line_item_id, line.parent_line_item_id])).toEqual([
      ["h", null],
      ["a", "h"],
      ["b", "h"],
      ["c", "b"],
      ["d", "b"],
      ["e", null],
    ]);
  });

  it("may show one resource on several lines", () => {
    expect(linesOf([row, { ...row, id: OTHER_LINE }])).toHaveLength(2);
  });

  it.each([
    ["not_an_array", null],
    ["not_an_array", { data: [row] }],
    ["not_an_array", { exceptionMessage: "No" }],
    ["not_an_array", "[]"],
    ["row_not_an_object", [row, null]],
    ["row_not_an_object", [row, "row"]],
    ["row_not_an_object", [[row]]],
    ["row_not_an_object", [{ ...row, children: [7] }]],
    ["repeated_line_id", [row, { ...row, id: LINE.toUpperCase() }]],
    ["repeated_line_id", [{ ...row, children: [{ id: LINE }] }]],
    ["resource_without_line_id", [{ resourceId: RESOURCE }]],
    ["resource_without_line_id", [{ id: 7, resourceId: RESOURCE }]],
    ["resource_without_line_id", [{ contact: { id: RESOURCE } }]],
    ["conflicting_resource", [{ id: LINE, resourceId: RESOURCE, resource: { id: OTHER_RESOURCE } }]],
    ["conflicting_resource", [{ id: LINE, resourceId: RESOURCE, contact: OTHER_RESOURCE }]],
    ["children_not_an_array", [{ ...row, children: { data: [] } }]],
    ["too_deep", nested(51)],
    ["too_many_rows", Array.from({ length: 20_001 }, () => ({}))],
  ])("is in doubt, %s: %.60j", (reason, json) => {
    expect(doubtOf(json)).toBe(reason);
  });

  it.each([
    ["50 levels", nested(50)],
    ["20,000 rows", Array.from({ length: 20_000 }, () => ({}))],
    [
      "children that are null, false or text",
      [{ ...row, children: null }, { children: false }, { children: "" }],
    ],
  ])("is not in doubt over %s", (_name, json) => {
    expect(doubtOf(json)).toBe("none");
  });
});
