import { expect, test } from "vitest";
import { REMOVAL_WORDS, sentenceFor, sentenceForCall } from "../../src/face/words.ts";
import { codeWords, tableRows } from "../documents/repository.ts";

const rows = tableRows("docs/reasons.md").map((cells) =>
  cells.slice(0, 2).map((cell) => codeWords(cell)[0] ?? ""),
);

test("every reason of a removal has its words, and nothing else has", () => {
  const reasons = rows.filter(([kind]) => kind === "remove").map(([, reason]) => reason ?? "");
  expect(Object.keys(REMOVAL_WORDS).sort()).toEqual(reasons.sort());
});

test("reasons are sentences, the same words as on the command line", () => {
  expect(sentenceFor("failed", "refused")).toBe("Flex said no.");
  expect(sentenceForCall("unmapped", "no_resource")).toBe("Somebody here has no Flex contact id.");
  expect(sentenceForCall("unmapped", "malformed_id")).toBe(
    "Somebody here has a Flex contact id that is none.",
  );
  expect(sentenceFor("synced", null)).toMatch(/^[A-Z].*\.$/);
  expect(sentenceFor("pending", "something_new")).toBe("Something_new.");
});
