import { describe, expect, it } from "vitest";
import { callerFor, ELEMENT, LINE, RESOURCE, startAnswering } from "./local-servers.ts";

describe("reading lines", () => {
  it("is done with the lines", async () => {
    const caller = callerFor(await startAnswering(200, JSON.stringify([{ id: LINE, resourceId: RESOURCE }])));
    expect(await caller.readLines(ELEMENT)).toEqual({
      class: "done",
      status: 200,
      value: [
        {
          flex_line_item_id: LINE,
          flex_resource_id: RESOURCE,
          is_contact: false,
          parent_line_item_id: null,
          flex_role_id: null,
          shows_role: false,
          name: null,
        },
      ],
    });
  });

  it.each([
    ["not_json", ""],
    ["not_json", "<html>log in</html>"],
    ["not_json", '[{"id":'],
    ["not_an_array", '{"exceptionMessage":"Access Denied"}'],
    ["row_not_an_object", "[1]"],
  ])("is doubtful, %s: %s", async (reason, body) => {
    const outcome = await callerFor(await startAnswering(200, body)).readLines(ELEMENT);
    expect(outcome).toMatchObject({ class: "doubtful", status: 200, reason });
    expect("error" in outcome && outcome.error).toContain(`GET /line-item/${ELEMENT}/row-data/`);
  });

  it("is doubtful for JSON that nests endlessly", async () => {
    const outcome = await callerFor(await startAnswering(200, "[".repeat(200_000))).readLines(ELEMENT);
    expect(outcome).toMatchObject({ class: "doubtful" });
  });

  it.each([
    [400, "refused"],
    [404, "refused"],
    [401, "unauthorized"],
    [423, "refused_for_now"],
    [429, "rate_limited"],
    [202, "unknown"],
    [302, "unknown"],
    [500, "unknown"],
  ])("at %i is %s, whatever the body", async (status, outcomeClass) => {
    const outcome = await callerFor(await startAnswering(status, "[]")).readLines(ELEMENT);
    expect(outcome).toMatchObject({ class: outcomeClass, status });
  });
});

describe("an element's identity", () => {
  it.each([
    [200, { id: ELEMENT, deleted: false }, "present"],
    [200, { id: ELEMENT.toUpperCase() }, "present"],
    [200, { id: ELEMENT, deleted: null }, "present"],
    [200, { id: ELEMENT, deleted: true }, "gone"],
    [200, { deleted: true }, "gone"],
    [404, { exceptionCode: "FLEX_5000" }, "gone"],
    [400, { exceptionMessage: `Unable to find element with id: ${ELEMENT}` }, "gone"],
    [200, { id: LINE, deleted: false }, "unclear"],
    [200, {}, "unclear"],
    [200, [], "unclear"],
    [200, { id: ELEMENT, exceptionMessage: "No" }, "unclear"],
    [204, undefined, "unclear"],
    [400, { exceptionMessage: "Bad request" }, "unclear"],
    [403, {}, "unclear"],
    [405, {}, "unclear"],
    [302, {}, "unclear"],
    [500, {}, "unclear"],
  ])("at %i %j is %s", async (status, body, presence) => {
    const baseUrl = await startAnswering(status, body === undefined ? "" : JSON.stringify(body));
    expect(await callerFor(baseUrl).readIdentity(ELEMENT)).toEqual({
      class: "done",
      status,
      value: { presence },
    });
  });

  it("is unclear when the answer is a page", async () => {
    const outcome = await callerFor(await startAnswering(200, "<html>")).readIdentity(ELEMENT);
    expect(outcome).toMatchObject({ class: "done", value: { presence: "unclear" } });
  });

  it.each([
    [401, "unauthorized"],
    [429, "rate_limited"],
    [408, "unknown"],
    [502, "unknown"],
    [503, "unknown"],
    [504, "unknown"],
  ])("at %i is %s: the answer is not about the element", async (status, outcomeClass) => {
    const outcome = await callerFor(await startAnswering(status, "{}")).readIdentity(ELEMENT);
    expect(outcome).toMatchObject({ class: outcomeClass, status });
  });
});

describe("the current user", () => {
  it("is done with id and name", async () => {
    const caller = callerFor(
      await startAnswering(200, JSON.stringify({ id: LINE, userName: "ana", locked: false })),
    );
    expect(await caller.currentUser()).toEqual({
      class: "done",
      status: 200,
      value: { id: LINE, userName: "ana" },
    });
  });

  it.each([
    ["not_json", "<html>log in</html>"],
    ["not_an_object", "[]"],
    ["error_body", '{"exceptionMessage":"Access Denied"}'],
  ])("is doubtful, %s: %s", async (reason, body) => {
    const outcome = await callerFor(await startAnswering(200, body)).currentUser();
    expect(outcome).toMatchObject({ class: "doubtful", reason });
  });

  it("is unauthorized at 401", async () => {
    const outcome = await callerFor(await startAnswering(401, "{}")).currentUser();
    expect(outcome).toMatchObject({ class: "unauthorized" });
  });
});
