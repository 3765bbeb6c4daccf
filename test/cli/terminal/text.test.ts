import { expect, test } from "vitest";
import { cut, flow, heightOf, pad, printable, widthOf, wrap } from "../../../src/cli/terminal/text.ts";

test("width counts cells: colours none, accents with their letter, pictures and wide characters two", () => {
  expect(["abc", "\u001b[31mabc\u001b[0m", "Zoe\u0308", "東京", "👩‍🔧", "–é"].map(widthOf)).toEqual([
    3, 3, 3, 4, 2, 2,
  ]);
});

test("cutting never halves a character, and padding fills cells", () => {
  expect([cut("東京都", 6), cut("東京都", 5), cut("東京都", 4), cut("abc", 0)]).toEqual([
    "東京都",
    "東京…",
    "東…",
    "",
  ]);
  expect([pad("東", 4), pad("a", 3, "right")]).toEqual(["東  ", "  a"]);
});

test("a text of others is one line that no terminal obeys", () => {
  expect(printable("Ana\n\u001b[2J\u009b31m \u202eneb")).toBe("Ana �[2J�31m �neb");
});

test("words wrap and hang, a long one stays whole", () => {
  expect(wrap("one two three", 8)).toEqual(["one two", "three"]);
  expect(wrap("  one two three", 8, 2)).toEqual(["  one", "    two", "    three"]);
  expect(wrap("a 3f0c9d1e-8a52", 5)).toEqual(["a", "3f0c9d1e-8a52"]);
});

test("pieces flow whole", () => {
  expect(flow(["one", "two", "three"], " · ", 9)).toEqual(["one · two", "three"]);
  expect([heightOf("", 10), heightOf("1234567890", 10), heightOf("12345678901", 10)]).toEqual([1, 1, 2]);
});
