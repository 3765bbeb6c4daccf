import { describe, expect, it } from "vitest";
import { ANA, BEN, done, ELEMENT, ROLE, request, startFlex } from "./running-simulator.ts";

const ADD = `/f5/api/line-item/${ELEMENT}/add-resource/${ANA}`;

describe("lines", () => {
  it("are added, shown, given a role and deleted", async () => {
    const { flex, caller } = await startFlex();
    flex.addContact(ANA, "Ana García");
    const { lineItemId } = done(await caller.addResource(ELEMENT, ANA));
    await caller.setBusinessRole(ELEMENT, lineItemId, ROLE);
    expect(done(await caller.readLines(ELEMENT))).toEqual([
      {
        flex_line_item_id: lineItemId,
        flex_resource_id: ANA,
        is_contact: true,
        parent_line_item_id: null,
        flex_role_id: ROLE,
        shows_role: true,
        name: "Ana García",
      },
    ]);
    expect(flex.contactLinesOf(ELEMENT)).toMatchObject([
      { id: lineItemId, resourceId: ANA, roleId: ROLE, madeBy: "api" },
    ]);
    done(await caller.removeLine(lineItemId));
    expect(flex.linesOf(ELEMENT)).toEqual([]);
  });

  it("are new at every add, with ids of version 1 and 4 in turn", async () => {
    const { flex, caller } = await startFlex();
    for (let i = 0; i < 4; i += 1) await caller.addResource(ELEMENT, ANA);
    const ids = flex.linesOf(ELEMENT).map((line) => line.id);
    expect(new Set(ids).size).toBe(4);
    expect(ids.map((id) => id[14])).toEqual(["1", "4", "1", "4"]);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[14][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("are deleted with everything below them, and keep their order", async () => {
    const { flex, caller } = await startFlex();
    const heading = flex.humanAddsRow(ELEMENT, { kind: "heading", name: "Crew", children: [ANA, BEN] });
    const last = flex.humanAdds(ELEMENT, ANA);
    expect(flex.linesOf(ELEMENT).map((line) => line.ordinal)).toEqual([0, 1, 2, 3]);
    done(await caller.removeLine(heading));
    expect(flex.linesOf(ELEMENT)).toMatchObject([{ id: last, ordinal: 0 }]);
  });

  it("go below a parent and before a sibling when the request says so", async () => {
    const { flex } = await startFlex();
    const first = flex.humanAdds(ELEMENT, ANA);
    const body = `managedResourceLineItemType=contact&parentLineItemId=${first}&nextSiblingId=${first}&quantity=2`;
    await request(flex, "POST", ADD, { body, type: "application/x-www-form-urlencoded" });
    expect(flex.linesOf(ELEMENT)[0]).toMatchObject({ parentId: first, quantity: 2 });
  });

  it("that are gone answer a second deletion as configured", async () => {
    const { flex, caller } = await startFlex();
    for (const deleteRepeat of [400, 404, 204] as const) {
      flex.configure({ deleteRepeat });
      expect((await caller.removeLine(ANA)).status).toBe(deleteRepeat);
    }
  });

  it("change by hand", async () => {
    const { flex, caller } = await startFlex();
    const line = flex.humanAdds(ELEMENT, ANA.toUpperCase(), { roleId: ROLE });
    flex.humanChangesContact(line, BEN);
    flex.humanSetsRole(line, null);
    expect(done(await caller.readLines(ELEMENT))).toMatchObject([
      { flex_resource_id: BEN, flex_role_id: null },
    ]);
    flex.humanChangesContact(line, null);
    expect(done(await caller.readLines(ELEMENT))).toMatchObject([
      { flex_resource_id: null, is_contact: true },
    ]);
    flex.humanDeletes(line);
    expect(done(await caller.readLines(ELEMENT))).toEqual([]);
    expect(() => flex.humanDeletes(line)).toThrow();
  });

  it("are found by ids in upper case", async () => {
    const { flex, caller } = await startFlex();
    const line = flex.humanAdds(ELEMENT, ANA);
    expect(done(await caller.readLines(ELEMENT.toUpperCase()))).toHaveLength(1);
    done(await caller.removeLine(line.toUpperCase()));
    expect(flex.linesOf(ELEMENT)).toEqual([]);
  });
});

describe("elements", () => {
  it("are present, gone and back", async () => {
    const { flex, caller } = await startFlex();
    const presence = async () => done(await caller.readIdentity(ELEMENT)).presence;
    flex.humanAdds(ELEMENT, ANA);
    expect(await presence()).toBe("present");
    flex.deleteElement(ELEMENT);
    expect(await presence()).toBe("gone");
    expect(done(await caller.readLines(ELEMENT))).toEqual([]);
    expect(await caller.addResource(ELEMENT, ANA)).toMatchObject({ class: "refused", status: 400 });
    flex.deleteElement(ELEMENT, "missing");
    expect(await presence()).toBe("gone");
    expect(await caller.readLines(ELEMENT)).toMatchObject({ class: "refused", status: 404 });
    flex.restoreElement(ELEMENT);
    expect(await presence()).toBe("present");
    expect(done(await caller.readLines(ELEMENT))).toHaveLength(1);
  });

  it("that are locked refuse edits and allow readings", async () => {
    const { flex, caller } = await startFlex();
    const line = flex.humanAdds(ELEMENT, ANA);
    flex.lockElement(ELEMENT);
    expect(await caller.addResource(ELEMENT, BEN)).toMatchObject({ class: "refused_for_now", status: 423 });
    expect(await caller.setBusinessRole(ELEMENT, line, ROLE)).toMatchObject({ class: "refused_for_now" });
    expect(await caller.removeLine(line)).toMatchObject({ class: "refused_for_now" });
    expect(done(await caller.readLines(ELEMENT))).toHaveLength(1);
    flex.configure({ lockedStatus: 409 });
    expect(await caller.removeLine(line)).toMatchObject({ status: 409 });
    flex.lockElement(ELEMENT, false);
    done(await caller.removeLine(line));
  });

  it("that are inaccessible answer 401 while the token works", async () => {
    const { flex, caller } = await startFlex();
    flex.setAccessible(ELEMENT, false);
    expect(await caller.readLines(ELEMENT)).toMatchObject({ class: "unauthorized" });
    expect(await caller.currentUser()).toMatchObject({ class: "done" });
  });

  it("that were never announced are 404, or come to be", async () => {
    const { flex, caller } = await startFlex();
    expect(await caller.readLines(BEN)).toMatchObject({ status: 404 });
    flex.configure({ strictElements: false });
    expect(done(await caller.readLines(BEN))).toEqual([]);
  });
});
