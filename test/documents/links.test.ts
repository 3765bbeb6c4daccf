import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { ROOT, read, trackedFiles } from "./repository.ts";

const PAGES = trackedFiles().filter((path) => path.endsWith(".md"));

/** The anchors of a page, as GitHub makes them: lower-case, punctuation gone, blanks become dashes. */
function anchors(page: string): string[] {
  const headings = withoutCode(read(page))
    .split("\n")
    .filter((line) => /^#{1,6} /.test(line))
    .map((line) => line.replace(/^#+ /, ""));
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "");
}

/** Links of a page that lead nowhere. */
function deadLinks(page: string): string[] {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? "");
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : normalize(join(dirname(page), path));
    if (target.startsWith("..") || !existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && target.endsWith(".md") && !anchors(target).includes(anchor);
  });
}

test("every link leads to a file and, where it names one, to a heading", () => {
  expect(PAGES.flatMap((page) => deadLinks(page).map((link) => `${page}: ${link}`))).toEqual([]);
});

test("every page of docs is in its index", () => {
  const index = read("docs/README.md");
  const decisions = read("docs/decisions/README.md");
  const pages = PAGES.filter((page) => page.startsWith("docs/") && !page.endsWith("README.md"));
  expect(pages.length).toBeGreaterThan(20);
  expect(
    pages.filter((page) =>
      page.startsWith("docs/decisions/")
        ? !decisions.includes(`](${page.slice("docs/decisions/".length)})`)
        : !index.includes(`](${page.slice("docs/".length)})`),
    ),
  ).toEqual([]);
});
