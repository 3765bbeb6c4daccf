import { expect, test } from "vitest";
import { codeWords, tableRows, trackedFiles } from "../documents/repository.ts";

test("every file of the examples has a row, and every row a file", () => {
  const named = tableRows("examples/README.md").flatMap(([name]) => codeWords(name ?? ""));
  const rows = named.filter((name) => /[/.]/.test(name));
  const files = trackedFiles()
    .filter((path) => path.startsWith("examples/") && !/(README\.md|package-lock\.json)$/.test(path))
    .map((path) => path.replace("examples/", ""));
  expect(files.length).toBeGreaterThan(20);
  const covers = (row: string, file: string) => (row.endsWith("/") ? file.startsWith(row) : file === row);
  expect(files.filter((file) => !rows.some((row) => covers(row, file)))).toEqual([]);
  expect(rows.filter((row) => !files.some((file) => covers(row, file)))).toEqual([]);
});
