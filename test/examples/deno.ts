import { cpSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../documents/repository.ts";
import { fetchPackage } from "../package/fetch-packages.ts";
import type { Installation } from "../package/install-package.ts";
import { type Program, startProgram } from "./run-program.ts";

/** The runtime of Supabase's Edge Functions is a Deno. */
const VERSION = "2.9.6";
const BINARIES: Record<string, string> = {
  "linux-x64": "linux-x64-glibc",
  "linux-arm64": "linux-arm64-glibc",
  "darwin-x64": "darwin-x64",
  "darwin-arm64": "darwin-arm64",
};

/** The path of Deno, fetched once; undefined where that cannot be done. */
export async function findDeno(): Promise<string | undefined> {
  const binary = BINARIES[`${process.platform}-${process.arch}`];
  const modules = binary ? await fetchPackage(`deno@${VERSION}`) : undefined;
  return modules ? join(modules, "@deno", binary ?? "", "deno") : undefined;
}

export const flags = ["--node-modules-dir=manual", "--no-lock", "--no-remote"];

/** Copy an Edge Function of the examples beside an installed package, as the deployment does. */
export function deploy(installed: Installation, name: string): string {
  const folder = join(installed.folder, name);
  cpSync(join(ROOT, "examples/supabase-edge", name), folder, { recursive: true });
  return join(folder, "index.ts");
}

/** Serve an Edge Function on a free port of this machine, with no more rights than it needs. */
export async function serve(
  deno: string,
  index: string,
  env: Record<string, string | undefined>,
): Promise<{ url: string; program: Program }> {
  const rights = ["--allow-net", "--allow-env", "--allow-read", "--allow-sys=hostname"];
  const program = startProgram(deno, ["run", ...flags, ...rights, index], {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
    ...env,
  });
  const [, port] = await program.says(/http:\/\/127\.0\.0\.1:(\d+)/);
  return { url: `http://127.0.0.1:${port}/`, program };
}

/** Compare the types of an Edge Function with those of the package. */
export function check(deno: string, index: string): Program {
  return startProgram(deno, ["check", ...flags, index], {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
  });
}
