import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT, trackedFiles } from "./repository.ts";

const FILES = trackedFiles().map((path) => ({ path, text: readFileSync(join(ROOT, path)) }));

/** Files with a zero byte are no text. */
const TEXTS = FILES.filter(({ text }) => !text.includes(0)).map(({ path, text }) => ({
  path,
  text: text.toString("utf8"),
}));

/** Where a pattern occurs, as `path:line`. */
function places(pattern: RegExp): string[] {
  return TEXTS.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

// Put together here, so that this file is not found.
const folders = ["work", "root", "home"].join("|");
const hosts = ["registry", "npm", "artifactory", "nexus", "verdaccio", "proxy"].join("|");

test("no file names a path of somebody's machine", () => {
  expect(places(new RegExp(`(^|[^\\w.\\-\\]}):/*])/(${folders})/[\\w.]`))).toEqual([]);
});

test("no file names the host of a package registry", () => {
  expect(
    places(
      new RegExp(
        `\\b(${hosts})s?\\.[a-z0-9-]+(\\.[a-z0-9-]+)*\\.?(org|com|net|io|dev|internal|local)\\b`,
        "i",
      ),
    ),
  ).toEqual([]);
  const own = process.env.npm_config_registry;
  const host = own && URL.canParse(own) ? new URL(own).hostname : undefined;
  if (host) expect(places(new RegExp(host.replaceAll(".", "\\.")))).toEqual([]);
});

test("no lock file says where packages came from", () => {
  const locks = TEXTS.filter(({ path }) => path.endsWith("package-lock.json"));
  expect(locks.map(({ path }) => path)).toContain("package-lock.json");
  expect(locks.filter(({ text }) => text.includes(`"resolved"`)).map(({ path }) => path)).toEqual([]);
});

test("no file speaks of the workshop that it was made in", () => {
  const words = [["", "library", ""].join("."), ["shared", "design"].join("/"), ["flex", "api.md"].join("-")];
  for (const word of words.map((text) => text.replace(/\.$/, "/"))) {
    expect(places(new RegExp(`(^|[\\s"'\`(/])${word.replaceAll(".", "\\.")}`)), word).toEqual([]);
  }
});

test("no file holds something that looks like a Flex token", () => {
  // About 36 mixed-case letters and digits without dashes. One made up for tests says so.
  const token =
    /(?<![\w+/=-])(?!\w*(?:Test|Example))(?=[A-Za-z]*\d)(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9]{34,38}(?![\w+/=-])/;
  expect(places(token).filter((place) => !place.startsWith("package-lock.json"))).toEqual([]);
});
