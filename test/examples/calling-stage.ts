import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { CrewCallPlan } from "../../src/rows.ts";
import { setStage } from "../cli/stage.ts";
import { ana, ben } from "../crew-call.ts";
import { ROOT } from "../documents/repository.ts";
import { type Installation, installPackage } from "../package/install-package.ts";
import { startProgram } from "./run-program.ts";

export const UNKNOWN = "00000000-0000-4000-8000-000000000000";
export const NOBODY_THERE = "there is no such crew call\n";
const TSX = join(ROOT, "node_modules/tsx/dist/loader.mjs");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** Copies a folder of examples beside an installed package and what the folder needs, for the tests of a file. */
export function beside(folder: string, modules: string | undefined): () => Installation {
  let installed: Installation;
  beforeAll(async () => {
    installed = await installPackage(...(modules ? [modules] : []));
    cpSync(join(ROOT, folder), installed.folder, { recursive: true });
  });
  afterAll(() => installed.remove());
  return () => installed;
}

type Env = Record<string, string | undefined>;
const bare = () => ({ PATH: process.env.PATH, HOME: process.env.HOME });

/** Runs a TypeScript file of the folder, and answers what it wrote; whatever fails, fails the test. */
export async function runExample(
  { folder }: Installation,
  file: string,
  args: string[],
  env: Env,
): Promise<string> {
  const program = startProgram(
    process.execPath,
    ["--import", TSX, file, ...args],
    { ...bare(), ...env },
    { cwd: folder },
  );
  return outputOf(program.ended);
}

/** What a program wrote to stdout; an error with what it complained of, where it failed. */
export async function outputOf(ended: Promise<{ code: number | null; stdout: string; stderr: string }>) {
  const { code, stdout, stderr } = await ended;
  if (code !== 0) throw new Error(`it ended with ${code}: ${stderr}`);
  return stdout;
}

/** Types of a folder's files against those of the packages. */
export async function checkTypes({ folder }: Installation): Promise<void> {
  const tsc = startProgram(process.execPath, [TSC, "-p", "tsconfig.json"], bare(), { cwd: folder });
  const { code, stdout } = await tsc.ended;
  expect([code, stdout]).toEqual([0, ""]);
}

/** An example asks for a crew call of two that nobody has put into Flex, then for one that does not exist. */
export async function asksByName(ask: (crewCallId: string, url: string) => Promise<string>): Promise<void> {
  const { sql, url, makeCall } = await setStage();
  const call = await makeCall({ desired: [ana, ben] });
  const plan = JSON.parse(await ask(call.id, url)) as CrewCallPlan;
  expect(plan).toMatchObject({ crew_call_id: call.id, condition: "pending" });
  expect(plan.to_add.map(({ technician_id }) => technician_id).sort()).toEqual([ana.id, ben.id]);
  expect(await sql`select requested_by from flex_sync.syncs`).toEqual([
    { requested_by: "office@example.org" },
  ]);
  expect(await ask(UNKNOWN, url)).toBe(NOBODY_THERE);
}
