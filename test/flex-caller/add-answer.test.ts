import { describe, expect, it } from "vitest";
import { isUuidShaped, readAddAnswer } from "../../src/flex-add-answer.ts";
import { ELEMENT, LINE, RESOURCE } from "./local-servers.ts";

const OTHER = "900a4e69-0000-4000-8000-00000000000a";
const THIRD = "900a4e69-0000-4000-8000-00000000000b";
const ids = (added: unknown, roots: unknown) => ({
  addedResourceLineIds: added,
  affectedRootLineIds: roots,
  addedNoteLineId: null,
  nonRootClonedLineIds: null,
});
const only = { lineItemId: LINE, alsoAdded: [] };

describe("the line id in the answer to an add", () => {
  it.each([
    ["the standard answer", ids([LINE], [LINE]), only],
    ["upper-case ids", ids([LINE.toUpperCase()], [` ${LINE.toUpperCase()} `]), only],
    ["an id repeated", ids([LINE, LINE.toUpperCase()], [LINE]), only],
    ["one added under another root", ids([LINE], [OTHER]), only],
    ["no roots", ids([LINE], []), only],
    ["one bare string in each key", ids(LINE, LINE), only],
    ["a bare added string alone", { addedResourceLineIds: LINE }, only],
    ["only one root", ids([], [LINE]), only],
    ["only one root as a bare string", { affectedRootLineIds: LINE }, only],
    ["the root first of two", ids([LINE, OTHER], [LINE]), { lineItemId: LINE, alsoAdded: [OTHER] }],
    ["the root second of two", ids([OTHER, LINE], [LINE]), { lineItemId: LINE, alsoAdded: [OTHER] }],
    [
      "roots of which one was added",
      ids([OTHER, LINE], [LINE, THIRD]),
      { lineItemId: LINE, alsoAdded: [OTHER] },
    ],
    ["id", { id: LINE }, only],
    ["lineItemId", { lineItemId: LINE }, only],
    ["data.id", { data: { id: LINE } }, only],
    ["data.lineItemId", { data: { lineItemId: LINE } }, only],
    ["the same id in two keys", { id: LINE, data: { lineItemId: LINE } }, only],
    ["id beside empty arrays", { ...ids([], []), id: LINE }, only],
    ["the element echoed beside the line", { id: ELEMENT, lineItemId: LINE }, only],
    ["a bare string", LINE, only],
  ])("is found: %s", (_name, json, expected) => {
    expect(readAddAnswer(json, [ELEMENT, RESOURCE])).toEqual(expected);
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["an empty object", {}],
    ["an array", [LINE]],
    ["a number", 7],
    ["empty arrays", ids([], [])],
    ["several added without roots", ids([LINE, OTHER], [])],
    ["several added, all of them roots", ids([LINE, OTHER], [LINE, OTHER])],
    ["several added under another root", ids([LINE, OTHER], [THIRD])],
    ["only several roots", ids([], [LINE, OTHER])],
    ["an id that is no UUID", ids(["42"], [LINE])],
    ["one id of two that is no UUID", ids([LINE, "42"], [LINE])],
    ["ids that are objects", ids([{ id: LINE }], [LINE])],
    ["a top-level id that is no UUID", { id: "42" }],
    ["two different ids", { id: LINE, lineItemId: OTHER }],
    ["the element's id", { id: ELEMENT }],
    ["the resource's id", { id: RESOURCE.toUpperCase() }],
    ["the resource's id as added", ids([RESOURCE], [RESOURCE])],
    ["a bare string that is no id", "added"],
  ])("is not there: %s", (_name, json) => {
    expect(readAddAnswer(json, [ELEMENT, RESOURCE])).toBeNull();
  });
});

it.each([
  [LINE, true],
  [LINE.toUpperCase(), true],
  ["00000000-0000-0000-0000-000000000000", true],
  [`{${LINE}}`, false],
  [LINE.replaceAll("-", ""), false],
  [`${LINE}0`, false],
  ["", false],
  [null, false],
])("%j is UUID-shaped: %j", (value, shaped) => {
  expect(isUuidShaped(value)).toBe(shaped);
});
