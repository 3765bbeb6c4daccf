import { type SpawnOptions, spawn } from "node:child_process";
import { onTestFinished } from "vitest";

export type Program = {
  /** Resolves with the match as soon as stdout or stderr holds it; rejects when the program ends first. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** SIGTERM. */
  stop(): Promise<number | null>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
};

/** Starts any program with this environment and no more; it ends with the test at the latest. */
export function startProgram(
  command: string,
  args: string[],
  env: Record<string, string | undefined>,
  options: SpawnOptions = {},
): Program {
  const child = spawn(command, args, {
    ...options,
    env: env as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  let look = () => {};
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      look();
    });
  }
  let over = false;
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      over = true;
      resolve({ code, ...written });
      look();
    });
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended.catch(() => {});
  });
  return {
    ended,
    async stop() {
      child.kill("SIGTERM");
      return (await ended).code;
    },
    says: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => {
          const found = pattern.exec(written.stdout + written.stderr);
          if (found) resolve(found);
          else if (over) reject(new Error(`it ended without ${pattern}: ${written.stdout}${written.stderr}`));
        };
        look();
      }),
  };
}
