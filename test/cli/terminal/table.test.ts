import { expect, test } from "vitest";
import { withoutSecrets } from "../../../src/cli/secrets.ts";
import { age } from "../../../src/cli/terminal/age.ts";
import { paint } from "../../../src/cli/terminal/paint.ts";
import { type Column, table } from "../../../src/cli/terminal/table.ts";

const columns: Column<string[]>[] = [
  { title: "id", value: ([id = ""]) => id },
  { title: "reason", value: ([, reason = ""]) => reason, shrinkTo: 5 },
  { title: "n", value: ([, , n = ""]) => n, align: "right", drop: 1 },
];
const rows = [
  ["a", "a long reason", "1"],
  ["b", "short", "22"],
];
const draw = (width?: number) => {
  const output = { write: () => {}, isTTY: width !== undefined, ...(width ? { columns: width } : {}) };
  return table(columns, rows, output, paint(output, { NO_COLOR: "1" }));
};

test("a table without a terminal drops and cuts nothing", () => {
  expect(draw()).toEqual(["id  reason          n", "a   a long reason   1", "b   short          22"]);
});

test("a narrow terminal drops a column, then cuts one", () => {
  expect(draw(18)).toEqual(["id  reason", "a   a long reason", "b   short"]);
  expect(draw(12)).toEqual(["id  reason", "a   a long …", "b   short"]);
});

test("ages have one unit", () => {
  const now = new Date("2030-01-01T12:00:00Z");
  const ages = [
    "2030-01-01T12:00:01Z",
    "2030-01-01T11:59:15Z",
    "2030-01-01T11:56:30Z",
    "2030-01-01T02:00:00Z",
  ];
  expect(ages.map((at) => age(at, now))).toEqual(["0 s", "45 s", "3 min", "10 h"]);
  expect(age(null, now)).toBe("-");
});

test("secrets are cut out of what is shown", () => {
  const env = { DATABASE_URL: "postgres://me:pass%40word@db/x", FLEX_AUTH_TOKEN: "token-1" };
  const text = "postgres://me:pass%40word@db/x pass@word token-1 postgres://you:other@db";
  expect(withoutSecrets("postgres://USER:PASSWORD@HOST/DATABASE", env)).toContain("PASSWORD");
  expect(withoutSecrets(text, env)).toBe("postgres://me:***@db/x *** *** postgres://you:***@db");
});
