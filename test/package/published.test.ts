import { execFile } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findAll, ROOT, read } from "../documents/repository.ts";
import { type Installation, installPackage } from "./install-package.ts";

const run = promisify(execFile);
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** What somebody gets who installs the package: types, maps, exports, and how much of it all. */
let installed: Installation;
let inPackage: (path: string) => string;
beforeAll(async () => {
  installed = await installPackage();
  inPackage = (path) => join(installed.folder, "node_modules/flex-crew-sync", path);
  symlinkSync(join(ROOT, "node_modules/@types"), join(installed.folder, "node_modules/@types"));
  symlinkSync(join(ROOT, "node_modules/undici-types"), join(installed.folder, "node_modules/undici-types"));
});
afterAll(() => installed.remove());

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    lstatSync(join(folder, name)).isFile(),
  );

/** Names that `docs/library.md` says are exported: of values, and of types. */
function documentedExports(): { values: string[]; types: string[] } {
  const index = read("src/index.ts");
  const types = findAll(index, /\btype (\w+)/g);
  for (const [, block = ""] of index.matchAll(/export type \{([^}]*)\}/g))
    types.push(...findAll(block, /(\w+)/g));
  const table = read("docs/library.md").split("| export |")[1]?.split("\n\n")[0] ?? "";
  const firstCells = table.replaceAll(/^(\| [^|]+\|).*$/gm, "$1");
  const names = findAll(firstCells, /`([A-Za-z]+)`/g);
  return {
    values: names.filter((name) => !types.includes(name)),
    types: names.filter((name) => types.includes(name)),
  };
}

describe("the types", () => {
  /** Compiles an app that imports every export, and answers what the compiler says. */
  async function compile(options: string[], more = ""): Promise<string> {
    const { values, types } = documentedExports();
    expect([values.length, types.length]).toEqual([7, expect.any(Number)]);
    const lines = [
      `import { ${[...values, ...types.map((name) => `type ${name}`)].join(", ")} } from "flex-crew-sync";`,
      `export const all = [${values.join(", ")}];`,
      `export type All = [${types.join(", ").replace("ReadOutcome", "ReadOutcome<null>")}];`,
      "export const kept: number = (await syncCrewCall({ query: async () => ({ rows: [] }) }, 'id')).kept;",
      more,
    ];
    writeFileSync(join(installed.folder, "app.mts"), lines.join("\n"));
    const strict = ["--noEmit", "--strict", "--target", "es2023", "--types", "node"];
    return run(process.execPath, [TSC, ...strict, ...options, "app.mts"], { cwd: installed.folder }).then(
      () => "",
      ({ stdout }) => stdout,
    );
  }

  for (const [module, resolution] of [
    ["node16", "node16"],
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    test(`fit an app that resolves modules as ${resolution}, libraries checked too`, async () => {
      const options = ["--module", module, "--moduleResolution", resolution];
      expect(await compile(options)).toBe("");
      expect(await compile(options, "export const wrong: string = kept;")).toContain("TS2322");
    });
  }
});

test("every file that runs has a source map, and each map leads to a source in the package", () => {
  const files = filesIn(inPackage("dist")).filter((name) => name.endsWith(".js"));
  expect(files.length).toBeGreaterThan(150);
  for (const file of files) {
    const path = inPackage(`dist/${file}`);
    const [, map = ""] = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(readFileSync(path, "utf8")) ?? [];
    const { sources } = JSON.parse(readFileSync(join(dirname(path), map), "utf8")) as { sources: string[] };
    expect([file, sources.length]).toEqual([file, 1]);
    const source = resolve(dirname(path), sources[0] ?? "");
    expect([file, existsSync(source)]).toEqual([file, true]);
    expect(source.startsWith(inPackage("src/"))).toBe(true);
  }
});

test("an error's stack names the source and its line", async () => {
  const script =
    "import('flex-crew-sync').then(({ createFlexCaller }) => createFlexCaller({ baseUrl: 'x', token: 'y' })).catch(({ stack }) => console.log(stack))";
  const { stdout } = await run(process.execPath, ["--enable-source-maps", "-e", script], {
    cwd: installed.folder,
  });
  expect(stdout).toMatch(/flex-crew-sync\/src\/flex-base-url\.ts:\d+/);
});

test("only what is documented can be imported, types first, also by require", async () => {
  const { exports } = JSON.parse(readFileSync(inPackage("package.json"), "utf8")) as {
    exports: Record<string, object>;
  };
  expect(Object.keys(exports)).toEqual([".", "./package.json"]);
  expect(Object.keys(exports["."] ?? {})[0]).toBe("types");
  const ask = async (script: string) =>
    (await run(process.execPath, ["-e", script], { cwd: installed.folder })).stdout.trim().split(" ");
  const tell = "console.log(Object.keys(all).filter((name) => name !== '__esModule').sort().join(' '))";
  const { values } = documentedExports();
  expect(await ask(`import('flex-crew-sync').then((all) => ${tell})`)).toEqual(values);
  expect(await ask(`const all = require('flex-crew-sync'); ${tell}`)).toEqual(values);
  expect(await ask("console.log(require('flex-crew-sync/package.json').name)")).toEqual(["flex-crew-sync"]);
  await expect(ask("require('flex-crew-sync/dist/migrate.js')")).rejects.toThrow(
    "ERR_PACKAGE_PATH_NOT_EXPORTED",
  );
});
