import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BENCH = fileURLToPath(new URL("..", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NODE = `${BENCH}node_modules/node/bin/node`;

/** The Node that everything measured runs on, ours and the peers alike: their newest versions need it. */
export const node24 = (): string => NODE;

/** The version that is installed, not the one that was asked for. */
export function packageVersion(name: string): string {
  const text = readFileSync(`${BENCH}node_modules/${name}/package.json`, "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Install what only the measurements need, and build the daemon that is measured. */
export function prepare(tell: (line: string) => void): void {
  const missing = ["node/bin/node", "graphile-worker/package.json", "pg-boss/package.json"].filter(
    (path) => !existsSync(`${BENCH}node_modules/${path}`),
  );
  if (missing.length > 0) {
    tell("installing the dependencies of bench/");
    run("npm", ["ci", "--no-audit", "--no-fund"], BENCH);
  }
  if (spawnSync(NODE, ["--version"]).status !== 0) {
    throw new Error(
      "bench/node_modules/node has no program for this machine: its install script did not run; allow it, and run npm ci in bench/",
    );
  }
  tell("building dist/");
  run("npm", ["run", "--silent", "build"], ROOT);
}

function run(program: string, words: string[], cwd: string): void {
  const { status } = spawnSync(program, words, { cwd, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")} failed in ${cwd}`);
}
