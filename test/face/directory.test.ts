import { expect, test } from "vitest";
import { type Directory, type Entry, pageOf } from "../../src/face/directory.ts";
import { CONDITIONS, type Condition } from "../../src/rows.ts";

const entry = (condition: Condition, n: number): Entry => ({
  condition,
  crew_call_id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
  flex_element_id: n % 2 === 0 ? null : "element",
});
const directory = (entries: Entry[]): Directory => ({
  entries,
  counts: Object.fromEntries(CONDITIONS.map((condition) => [condition, 0])) as Directory["counts"],
});
const many = directory([
  ...Array.from({ length: 3 }, (_, n) => entry("failed", n)),
  ...Array.from({ length: 120 }, (_, n) => entry("synced", n)),
]);

/** Every page from the first on. */
function walk(all: Directory, condition: Condition | null): Entry[] {
  const walked: Entry[] = [];
  for (let after: string | null = null; ; ) {
    const page = pageOf(all, { condition, after, size: 50 });
    walked.push(...page.entries);
    if (page.next === null) return walked;
    expect(page.entries).toHaveLength(50);
    after = page.next;
  }
}

test("the pages together are everything, once and in order", () => {
  expect(walk(many, null)).toEqual(many.entries);
  expect(walk(many, "synced")).toEqual(many.entries.slice(3));
  expect(walk(many, "held")).toEqual([]);
});

test("a page that is exactly full is the last", () => {
  const full = directory(Array.from({ length: 50 }, (_, n) => entry("synced", n)));
  expect(pageOf(full, { condition: null, after: null, size: 50 }).next).toBeNull();
});

test("a cursor goes on where it was, although its crew call is gone or changed", () => {
  const { next } = pageOf(many, { condition: null, after: null, size: 50 });
  const without = directory(many.entries.filter((_, index) => index !== 49));
  expect(pageOf(without, { condition: null, after: next, size: 50 }).entries[0]).toEqual(many.entries[50]);
});

test("a cursor that somebody made up leads nowhere bad", () => {
  for (const after of ["", "~", "synced", "<script>~x~y", "synced~zzz~"])
    expect(pageOf(many, { condition: null, after, size: 50 }).entries.length).toBeLessThanOrEqual(50);
});
