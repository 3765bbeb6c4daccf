import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The text of a file of the repository. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/**
 * Paths of all files in git that are there, links left out: they point at files that are in the list too. Without git
 * (an unpacked archive, another user's checkout) every file counts that is not installed or built.
 */
export function trackedFiles(): string[] {
  const listed = spawnSync("git", ["ls-files", "--stage", "-z"], { cwd: ROOT, encoding: "utf8" });
  if (listed.status !== 0) {
    return filesBelow(".", "")
      .map((path) => path.slice(2))
      .filter((path) => !/^(node_modules|dist|\.git|\.tmp|db\/migrations\/fixtures)\//.test(path))
      .filter((path) => lstatSync(join(ROOT, path)).isFile());
  }
  return listed.stdout
    .split("\0")
    .filter((entry) => entry !== "" && !entry.startsWith("120000"))
    .map((entry) => entry.slice(entry.indexOf("\t") + 1))
    .filter((path) => existsSync(join(ROOT, path)));
}

/** Paths of the files below a folder with an ending, sorted. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name}`)
    .filter((path) => path.endsWith(ending))
    .sort();
}

/** All SQL that is written by hand: functions, views, and the migrations with what they say outside of includes. */
export function allSql(): { path: string; text: string }[] {
  const paths = [
    ...filesBelow("db/functions", ".sql"),
    ...filesBelow("db/migrations", ".sql").filter((path) => !path.includes("/fixtures/")),
  ];
  return paths.map((path) => ({ path, text: read(path) }));
}

/** Every TypeScript file of the package. */
export function allTypeScript(): { path: string; text: string }[] {
  return filesBelow("src", ".ts").map((path) => ({ path, text: read(path) }));
}

/** The cells of every table row in a page, headers and rulers left out. A `\|` in a cell is no border. */
export function tableRows(page: string): string[][] {
  const lines = read(page).split("\n");
  return lines
    .filter(
      (line, index) =>
        line.startsWith("|") && !/^\|[-| ]+\|$/.test(line) && !/^\|[-| ]+\|$/.test(lines[index + 1] ?? ""),
    )
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

/** The part of a page below one heading, up to the next of the same or a higher level. */
export function section(page: string, heading: string): string {
  const lines = read(page).split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`${page} has no heading "${heading}"`);
  const level = heading.indexOf(" ");
  const end = lines.findIndex(
    (line, index) => index > start && /^#+ /.test(line) && line.indexOf(" ") <= level,
  );
  return lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
}

/** What stands in backticks in a text. */
export function codeWords(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, word]) => word ?? "");
}

/** What a pattern's first group finds, each once, sorted. */
export function findAll(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, found]) => found ?? ""))].sort();
}
