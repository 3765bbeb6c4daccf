import { describe, expect, it } from "vitest";
import type { AddAnswer, RoleCell, RowProfile } from "../../src/simulator/settings.ts";
import { ANA, BEN, done, ELEMENT, ROLE, startFlex } from "./running-simulator.ts";

const SHAPES: [RowProfile, boolean][] = [
  ["flat-typed", true],
  ["type-string", true],
  ["nested-resource", true],
  ["untyped", false],
  ["type-object", false],
  ["lineItemType", false],
  ["cell-envelope", true],
  ["qty-n", true],
];

describe("row profiles", () => {
  it.each(SHAPES)("%s is read, and says that a row is a contact: %j", async (profile, isContact) => {
    const { flex, caller } = await startFlex({ profile });
    const { lineItemId } = done(await caller.addResource(ELEMENT, ANA));
    flex.humanSetsRole(lineItemId, ROLE);
    expect(done(await caller.readLines(ELEMENT))).toMatchObject([
      {
        flex_line_item_id: lineItemId,
        flex_resource_id: ANA,
        is_contact: isContact,
        flex_role_id: ROLE,
        shows_role: true,
      },
    ]);
  });

  it.each(SHAPES)("%s is read when the contact is gone from the line", async (profile) => {
    const { flex, caller } = await startFlex({ profile });
    flex.humanChangesContact(flex.humanAdds(ELEMENT, ANA), null);
    expect(done(await caller.readLines(ELEMENT))).toMatchObject([{ flex_resource_id: null }]);
  });

  it.each(SHAPES)("%s is read among headings, notes and blank lines", async (profile) => {
    const { flex, caller } = await startFlex({ profile: [profile, "blank-line", "note-line", "grouped"] });
    const { lineItemId } = done(await caller.addResource(ELEMENT, ANA));
    const lines = done(await caller.readLines(ELEMENT));
    expect(lines).toHaveLength(4);
    const withResource = lines.filter((line) => line.flex_resource_id !== null);
    const heading = flex.linesOf(ELEMENT).find((line) => line.kind === "heading");
    expect(withResource).toMatchObject([{ flex_line_item_id: lineItemId, parent_line_item_id: heading?.id }]);
    expect(lines.filter((line) => line.is_contact && line.flex_resource_id === null)).toEqual([]);
  });

  it("dup-contact shows two lines for one add", async () => {
    const { caller } = await startFlex({ profile: "dup-contact" });
    await caller.addResource(ELEMENT, ANA);
    const lines = done(await caller.readLines(ELEMENT));
    expect(lines.map((line) => line.flex_resource_id)).toEqual([ANA, ANA]);
  });

  it("can be changed while it runs, and raw rows are shown as they are", async () => {
    const { flex, caller } = await startFlex();
    flex.humanAdds(ELEMENT, ANA);
    flex.humanAddsRow(ELEMENT, {
      kind: "raw",
      row: { lineItem: { id: BEN }, resource: { resourceId: BEN } },
    });
    flex.configure({ profile: "untyped" });
    expect(done(await caller.readLines(ELEMENT))).toMatchObject([
      { flex_resource_id: ANA, is_contact: false },
      { flex_line_item_id: BEN, flex_resource_id: BEN },
    ]);
  });
});

describe("role cells", () => {
  const cells: [RoleCell, string | null, boolean][] = [
    ["absent", null, false],
    ["null", null, true],
    ["bare-id", ROLE, true],
    ["id-name", ROLE, true],
    ["envelope", ROLE, true],
  ];
  it.each(cells)("%s shows %j (%j)", async (roleCell, role, showsRole) => {
    const { flex, caller } = await startFlex({ roleCell });
    flex.humanAdds(ELEMENT, ANA, { roleId: ROLE });
    flex.humanAdds(ELEMENT, BEN);
    expect(done(await caller.readLines(ELEMENT))).toMatchObject([
      { flex_role_id: role, shows_role: showsRole },
      { flex_role_id: null, shows_role: showsRole },
    ]);
  });
});

describe("add answers", () => {
  const readable: AddAnswer[] = [
    "standard",
    "root-only",
    "bare-ids",
    "with-accessory-root-first",
    "with-accessory-root-second",
    "id",
    "lineItemId",
    "data.id",
    "data.lineItemId",
    "bare-string",
  ];
  it.each(readable)("%s names the line", async (addAnswer) => {
    const { flex, caller } = await startFlex({ addAnswer });
    const added = done(await caller.addResource(ELEMENT, ANA));
    expect(flex.contactLinesOf(ELEMENT).map((line) => line.id)).toEqual([added.lineItemId]);
    const accessories = flex.linesOf(ELEMENT).filter((line) => line.kind === "other");
    expect(added.alsoAdded).toEqual(accessories.map((line) => line.id));
    expect(accessories).toHaveLength(addAnswer.startsWith("with-accessory") ? 1 : 0);
  });

  const unreadable: AddAnswer[] = ["ids-empty", "ids-missing", "empty", "html", "exception-message"];
  it.each(unreadable)("%s adds the line and does not name it", async (addAnswer) => {
    const { flex, caller } = await startFlex({ addAnswer });
    expect(await caller.addResource(ELEMENT, ANA)).toMatchObject({ class: "unknown", status: 200 });
    expect(flex.contactLinesOf(ELEMENT)).toHaveLength(1);
  });
});

it.each([200, 204] as const)("a deletion answers %i as configured", async (deleteStatus) => {
  const { flex, caller } = await startFlex({ deleteStatus });
  const outcome = await caller.removeLine(flex.humanAdds(ELEMENT, ANA));
  expect(outcome).toEqual({ class: "done", status: deleteStatus, value: null });
});
