import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../documents/repository.ts";

const run = promisify(execFile);
const CACHE = join(ROOT, "node_modules/.cache/flex-crew-sync");

/**
 * What a folder's lock file names, fetched once into `node_modules/.cache`: packages too large, or too particular, for
 * everybody's `npm ci`. No script of theirs is run.
 *
 * @returns the `node_modules` folder; undefined where the registry cannot be asked, which is told
 */
export async function fetchLocked(folder: string): Promise<string | undefined> {
  const lock = readFileSync(join(ROOT, folder, "package-lock.json"));
  const hash = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  return fetchInto(join(CACHE, `${folder.replaceAll("/", "-")}-${hash}`), ["ci"], (into) => {
    for (const file of ["package.json", "package-lock.json"])
      cpSync(join(ROOT, folder, file), join(into, file));
  });
}

/** One package in one exact version, such as `deno@2.9.6`; otherwise as `fetchLocked`. */
export async function fetchPackage(exact: string): Promise<string | undefined> {
  return fetchInto(join(CACHE, exact), ["install", exact], (into) =>
    writeFileSync(join(into, "package.json"), '{ "private": true }\n'),
  );
}

async function fetchInto(
  cache: string,
  command: string[],
  prepare: (folder: string) => void,
): Promise<string | undefined> {
  if (!existsSync(cache)) {
    mkdirSync(dirname(cache), { recursive: true });
    const folder = mkdtempSync(`${cache}-`);
    try {
      prepare(folder);
      const quietly = [
        "--prefix",
        folder,
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--engine-strict=false",
      ];
      await run("npm", [...command, ...quietly]);
      renameSync(folder, cache);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      // Another process may have been faster.
      if (!existsSync(cache)) {
        console.warn(`could not fetch ${command.at(-1)} for ${cache}: ${String(error)}`);
        return undefined;
      }
    }
  }
  return join(cache, "node_modules");
}

/** Whether npm reaches its registry: something if so, undefined if not. */
export async function askRegistry(): Promise<string | undefined> {
  return run("npm", ["view", "postgres", "version"]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}
