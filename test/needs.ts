import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "vitest";

/** The full path of a program, or undefined where this machine lacks it. Servers often lie in `sbin`. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

type Test = (name: string, run: () => unknown, timeout?: number) => void;

/**
 * `test` where the programs are there; otherwise a `test` that skips and prints what is missing:
 * `needs("pgbouncer")("goes through a pooler", async () => …)`
 */
export function needs(...programs: string[]): Test {
  return unless(programs.filter((program) => !findProgram(program)));
}

/**
 * `test` where every package could be fetched; otherwise as above: `needsPackages({ deno })`, each undefined where it could
 * not.
 */
export function needsPackages(fetched: Record<string, string | undefined>): Test {
  return unless(Object.keys(fetched).filter((name) => fetched[name] === undefined));
}

function unless(missing: string[]): Test {
  if (missing.length === 0) return (name, run, timeout) => test(name, run as () => void, timeout);
  return (name) => {
    console.warn(`skipped, needs ${missing.join(", ")}: ${name}`);
    test.skip(`${name} (needs ${missing.join(", ")})`, () => {});
  };
}
