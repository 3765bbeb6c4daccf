import { basename } from "node:path";
import { expect, test } from "vitest";
import { codeWords, filesBelow, findAll, read } from "./repository.ts";

const FILES = filesBelow("db/functions", ".sql").filter((path) => !path.includes("/views/"));
const VIEWS = filesBelow("db/functions/views", ".sql");
const nameOf = (path: string) => basename(path, ".sql");
const TEXTS = new Map(FILES.map((path) => [nameOf(path), read(path)]));

/** The comment lines at the top of a file. */
function header(text: string): string[] {
  const lines = text.split("\n");
  return lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith("--")),
  );
}

/** The lines of the header's paragraph that begins with a word such as Errors. */
function paragraph(text: string, word: string): string {
  const lines = header(text);
  const start = lines.findIndex((line) => line.startsWith(`-- ${word} `));
  if (start < 0) return "";
  const end = lines.findIndex((line, index) => index > start && !/^-- {5,}/.test(line));
  return lines.slice(start, end < 0 ? undefined : end).join("\n");
}

/** What a function raises: itself, or in functions of ours that it calls. */
function raisedBy(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return new Set();
  seen.add(name);
  const text = TEXTS.get(name) ?? "";
  const body = text.slice(text.indexOf("$$"));
  const called = [...TEXTS.keys()].filter((other) => new RegExp(`\\b${other}\\(`).test(body));
  return new Set([
    ...findAll(body, /errcode = '([A-Z]{5})'/g),
    ...called.flatMap((other) => [...raisedBy(other, seen)]),
  ]);
}

/** The paths of files that break a rule. */
function breaking(paths: string[], keeps: (text: string, name: string) => boolean): string[] {
  return paths.filter((path) => !keeps(read(path), nameOf(path)));
}

const matches = (text: string, pattern: string) => new RegExp(pattern, "m").test(text);

test("each function file is header, function, comment", () => {
  expect(FILES.length).toBeGreaterThan(80);
  const broken = breaking(FILES, (text, name) => {
    const [first = "", second = "", third = ""] = header(text);
    return (
      first.startsWith(`-- ${name}(`) &&
      second === "--" &&
      /^-- \S/.test(third) &&
      matches(text, `^create or replace function (flex_sync|public)\\.${name}\\(`) &&
      matches(text, `^comment on function (flex_sync|public)\\.${name}\\(`)
    );
  });
  expect(broken).toEqual([]);
});

test("each function states its language, its volatility and, past the caller's rights, its search_path", () => {
  const broken = breaking(
    FILES,
    (text) =>
      matches(text, "^language (sql|plpgsql)$") &&
      matches(text, "^(volatile|stable|immutable)$") &&
      (!matches(text, "^security definer$") || matches(text, "^set search_path = pg_catalog,.*pg_temp$")),
  );
  expect(broken).toEqual([]);
});

test("each function raises the errors that its header promises, itself or by what it calls", () => {
  const promised = (text: string) => findAll(paragraph(text, "Errors"), /\b([A-Z]{5})\b/g);
  expect(FILES.filter((path) => promised(read(path)).length > 0).length).toBeGreaterThan(10);
  const broken = breaking(FILES, (text, name) => promised(text).every((code) => raisedBy(name).has(code)));
  expect(broken).toEqual([]);
});

test("each function promises the errors that it raises itself", () => {
  const broken = breaking(FILES, (text) => {
    const caught = findAll(text, /when sqlstate '([A-Z]{5})'/g);
    const raised = findAll(text, /errcode = '([A-Z]{5})'/g).filter((code) => !caught.includes(code));
    return raised.every((code) => paragraph(text, "Errors").includes(code));
  });
  expect(broken).toEqual([]);
});

test("each view file is one line that says what it is, the view, its comment", () => {
  const broken = breaking(
    VIEWS,
    (text, name) =>
      text.startsWith(`-- ${name}: `) &&
      matches(text, `^create or replace view flex_sync\\.${name} as$`) &&
      matches(text, `^comment on view flex_sync\\.${name} is `),
  );
  expect(broken).toEqual([]);
});

test("the folder's page lists every file, and nothing else", () => {
  const page = read("db/functions/README.md");
  const listed = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""));
  expect(listed.sort()).toEqual([...TEXTS.keys()].sort());
  for (const view of VIEWS) expect(codeWords(page)).toContain(nameOf(view));
});
