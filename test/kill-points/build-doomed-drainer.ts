import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const source = "test/kill-points/doomed-drainer";

/** `doomed-drainer.ts` as JavaScript that plain Node starts in a fifth of a second: a thousand of them have to. */
export function buildDoomedDrainer(): { file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "flex-doomed-"));
  const settings = {
    extends: join(repository, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      allowImportingTsExtensions: false,
      rootDir: repository,
      outDir: folder,
    },
    include: [],
    files: [join(repository, `${source}.ts`)],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  execFileSync(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "-p", folder]);
  return { file: join(folder, `${source}.js`), remove: () => rmSync(folder, { recursive: true }) };
}
