import { expect, test } from "vitest";
import { allSql, allTypeScript, findAll, read, tableRows } from "./repository.ts";

const PAGE = "docs/error-codes.md";

/** Raised and caught within one function: nobody ever sees them. */
const INTERNAL = new Map([["db/functions/lock_element_of.sql", "MOVED"]]);

function codesInSql(): string[] {
  return allSql()
    .flatMap(({ path, text }) =>
      findAll(text, /errcode = '([A-Z]{5})'/g).filter((code) => INTERNAL.get(path) !== code),
    )
    .sort();
}

/** The first argument of an error, a `code:` of one, or an SQLSTATE that TypeScript writes into SQL. */
function codesInTypeScript(): string[] {
  return allTypeScript()
    .flatMap(({ text }) => [
      ...findAll(text, /(?:Error|badBaseUrl)\(\s*"([A-Z]{5})"/g),
      ...findAll(text, /\bcode: "([A-Z]{5})"/g),
      ...findAll(text, /errcode = '([A-Z]{5})'/g),
    ])
    .sort();
}

function documented(): string[] {
  return tableRows(PAGE).flatMap(([cell]) => findAll(cell ?? "", /^`([A-Z]{5})`$/g));
}

test("every code that SQL raises is documented", () => {
  expect(codesInSql()).not.toEqual([]);
  expect(codesInSql().filter((code) => !documented().includes(code))).toEqual([]);
});

test("every code that the package raises is documented", () => {
  expect(codesInTypeScript()).not.toEqual([]);
  expect(codesInTypeScript().filter((code) => !documented().includes(code))).toEqual([]);
});

test("every documented code is raised somewhere, and has one row", () => {
  const raised = [...codesInSql(), ...codesInTypeScript()];
  expect(documented().filter((code) => !raised.includes(code))).toEqual([]);
  expect(documented().filter((code, index, all) => all.indexOf(code) !== index)).toEqual([]);
});

test("every documented code has a message and a cure", () => {
  const rows = tableRows(PAGE);
  expect(rows.filter((cells) => cells.length !== 3 || cells.some((cell) => cell === ""))).toEqual([]);
  expect(read(PAGE)).toContain("FlexCrewSyncError");
});
