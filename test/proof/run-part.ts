import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import type { Part } from "./parts.ts";

export type Violations = {
  failed: number;
  twice: number;
  missing: number;
  wanted_removed: number;
  without_row: number;
};

/** How a part went. `found` is what its own summary counts, null where it has none: then only its exit code speaks. */
export type Outcome = {
  part: Part;
  ok: boolean;
  seconds: number;
  found: Violations | null;
  said: string[];
  output: string;
};

const VITEST = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const KEYS = ["failed", "twice", "missing", "wanted_removed", "without_row"] as const;

export async function runPart(part: Part): Promise<Outcome> {
  const began = performance.now();
  const { code, output } = await run(part);
  const plain = stripVTControlCharacters(output);
  const found = foundIn(plain);
  const said = plain
    .split("\n")
    .filter((line) => /^kill points: |^\d+ requests.* states, |^\s+Tests /.test(line));
  // A run that says nothing, or finds something and ends well all the same, is no proof.
  const ok =
    code === 0 &&
    said.length > 0 &&
    (found?.failed ?? 0) === 0 &&
    (part.name !== "histories" || found !== null);
  return { part, ok, seconds: Math.round((performance.now() - began) / 1_000), found, said, output: plain };
}

/** The numbers of a line such as `PROOF {"failed":0,…}`. */
export function foundIn(output: string): Violations | null {
  const text = /PROOF (\{.*\})/.exec(output)?.[1];
  if (text === undefined) return null;
  const told = JSON.parse(text) as Record<string, unknown>;
  const numbers = KEYS.map((key) => [key, Number(told[key] ?? Number.NaN)]);
  return Object.fromEntries(numbers) as Violations;
}

function run({ folder, env }: Part): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [VITEST, "run", folder], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const heard: string[] = [];
    const hear = (data: Buffer) => heard.push(data.toString("utf8"));
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: heard.join("") }));
  });
}
