import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ROOT, read } from "../documents/repository.ts";

const run = promisify(execFile);

/** A folder with `node_modules` as `npm install flex-crew-sync` leaves it. */
export interface Installation {
  readonly folder: string;
  /** The command, as npm links it. */
  readonly bin: string;
  remove(): void;
}

/**
 * Install the package of this checkout into a new folder, without asking a registry: what `files` names, compiled anew
 * (other tests use `dist` meanwhile), and links to the dependencies of the checkout.
 *
 * @param more further `node_modules` folders, whose packages are linked too
 */
export async function installPackage(...more: string[]): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), "flex-crew-sync-installed-"));
  chmodSync(folder, 0o755);
  const modules = join(folder, "node_modules");
  const { name, files } = JSON.parse(read("package.json")) as { name: string; files: string[] };
  const installed = join(modules, name);
  for (const file of ["package.json", ...files.filter((file) => file !== "dist")]) {
    cpSync(join(ROOT, file), join(installed, file), { recursive: true });
  }
  for (const dependency of dependenciesAtRunTime()) link(join(ROOT, "node_modules"), modules, dependency);
  await compile(installed);
  for (const others of more) {
    for (const other of packagesIn(others)) link(others, modules, other);
  }
  const main = join(installed, "dist/cli/main.js");
  chmodSync(main, 0o755);
  const bin = join(modules, ".bin", name);
  mkdirSync(dirname(bin));
  symlinkSync(main, bin);
  return { folder, bin, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Writes `dist` beside `src`, as `npm run build` does; the same sources are compiled once. */
async function compile(installed: string): Promise<void> {
  const dist = join(installed, "dist");
  const cached = join(ROOT, "node_modules/.cache/flex-crew-sync", `dist-${hashOfSources(installed)}`);
  if (existsSync(cached)) return cpSync(cached, dist, { recursive: true });
  const needed = [
    ["tsconfig.json", "tsconfig.json"],
    ["tsconfig.build.json", "tsconfig.build.json"],
    ["node_modules/@types", "../@types"],
    ["node_modules/undici-types", "../undici-types"],
  ] as const;
  for (const [from, to] of needed) symlinkSync(join(ROOT, from), join(installed, to));
  // With the links left as they are, the configuration is the installed one.
  const tsc = [
    join(ROOT, "node_modules/typescript/bin/tsc"),
    "--preserveSymlinks",
    "-p",
    "tsconfig.build.json",
  ];
  await run(process.execPath, tsc, { cwd: installed });
  for (const [, to] of needed) rmSync(join(installed, to));
  const copy = `${cached}-${process.pid}`;
  cpSync(dist, copy, { recursive: true });
  try {
    renameSync(copy, cached);
  } catch {
    rmSync(copy, { recursive: true }); // another test file was faster
  }
}

function hashOfSources(installed: string): string {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", "tsconfig.json", "tsconfig.build.json"]) hash.update(read(file));
  const sources = join(installed, "src");
  for (const file of readdirSync(sources, { recursive: true, encoding: "utf8" }).sort()) {
    if (file.endsWith(".ts")) hash.update(file).update(readFileSync(join(sources, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

/** The dependencies and theirs: what the lock file does not mark as for development. */
export function dependenciesAtRunTime(): string[] {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && !dev)
    .map(([path]) => path.replace("node_modules/", ""));
}

function packagesIn(modules: string): string[] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@") ? readdirSync(join(modules, name)).map((scoped) => `${name}/${scoped}`) : [name],
    );
}

function link(from: string, to: string, name: string): void {
  const path = join(to, name);
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(from, name), path);
}
