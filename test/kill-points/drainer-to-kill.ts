import { type ChildProcess, spawn } from "node:child_process";
import type { Victim } from "./victim.ts";

export type DrainerToKill = Victim & {
  child: ChildProcess;
  /** When it has come to its point by itself. */
  isThere: Promise<unknown>;
};

/**
 * A drainer as a process of its own, to be killed. It starts to load at once, and does nothing until it is told to.
 *
 * @param file the built `doomed-drainer.ts`
 */
export function drainerToKill(file: string): DrainerToKill {
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {});
  const ended = new Promise<"struck" | "came to rest">((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal === "SIGKILL") resolve("struck");
      else if (code === 0) resolve("came to rest");
      else reject(new Error(`the drainer ended with ${code ?? signal}: ${stderr}`));
    });
  });
  ended.catch(() => {});
  // When this returns, the process makes no further step.
  const strike = () => void child.kill("SIGKILL");
  return {
    child,
    isThere: new Promise((resolve) => child.stdout.once("data", resolve)),
    drain: (doom) => void child.stdin.write(JSON.stringify(doom)),
    strike,
    ended,
    async stop() {
      strike();
      await ended.catch(() => {});
    },
  };
}
