import { expect, test } from "vitest";
import { PARTS } from "../../bench/parts.ts";
import { codeWords, filesBelow, findAll, read, section, tableRows, trackedFiles } from "./repository.ts";

const NAMES = PARTS.map(({ name }) => name);

test("every part of the measurements has a file, a script, a row in their README and a section of the page", () => {
  const files = filesBelow("bench/parts", ".ts").filter((path) => path.split("/").length === 3);
  expect(files).toEqual(NAMES.map((name) => `bench/parts/${name}.ts`).sort());

  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const ofParts = Object.entries(scripts).filter(([name]) => name.startsWith("bench:"));
  expect(ofParts).toEqual(NAMES.map((name) => [`bench:${name}`, `tsx bench/bench.ts ${name}`]));

  const rows = tableRows("bench/README.md").flatMap(([first = ""]) => codeWords(first));
  expect(rows.filter((word) => /^[a-z]+$/.test(word))).toEqual(NAMES);

  const page = read("docs/performance.md");
  expect([...page.matchAll(/^## ([a-z]+):/gm)].map(([, name]) => name)).toEqual(NAMES);
  for (const name of NAMES)
    expect(page).toMatch(new RegExp(`<!-- figures of ${name} -->[\\s\\S]*<!-- end of ${name} -->`));
});

test("every part has a short form", () => {
  for (const name of NAMES) expect(read(`bench/parts/${name}.ts`), name).toMatch(/\bquick\b/);
});

test("the page shows what the published run measured, and every picture is shown", () => {
  const published = JSON.parse(read("bench/results/latest.json")) as Record<
    string,
    { result?: { figures: { name: string; median: number; unit: string }[] } }
  >;
  expect(Object.keys(published)).toEqual(NAMES);
  const page = read("docs/performance.md");
  for (const { result } of Object.values(published))
    for (const { name, median, unit } of result?.figures ?? [])
      expect(page).toContain(`| ${name} | ${`${median} ${unit}`.trim()} |`);

  const shown = findAll(page, /\]\(images\/performance\/([a-z-]+\.svg)\)/g);
  const there = trackedFiles().filter((path) => path.startsWith("docs/images/performance/"));
  expect(shown).toEqual(there.map((path) => path.split("/").at(-1)).sort());
});

test("nothing of the measurements is in the package, nor needed by it", () => {
  const own = JSON.parse(read("package.json")) as {
    files: string[];
    dependencies: object;
    devDependencies: object;
  };
  expect(own.files.filter((path) => path.startsWith("bench"))).toEqual([]);
  const { dependencies } = JSON.parse(read("bench/package.json")) as { dependencies: object };
  for (const name of Object.keys(dependencies))
    expect({ ...own.dependencies, ...own.devDependencies }).not.toHaveProperty(name);
  expect(read("bench/package-lock.json")).not.toContain('"resolved"');
});

test("the sections of the page say what each part is held against", () => {
  const without = ["lists", "month"];
  for (const name of NAMES.filter((part) => !without.includes(part))) {
    const heading = read("docs/performance.md").match(new RegExp(`^## ${name}:.*$`, "m"))?.[0] ?? "";
    expect(section("docs/performance.md", heading), name).toContain("Held against:");
  }
});
