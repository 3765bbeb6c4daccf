import { type ChildProcess, spawn } from "node:child_process";
import type { Doom } from "./doomed-drainer.ts";

export type DoomedDrainer = {
  child: ChildProcess;
  /** Let it begin. */
  drain(doom: Doom): void;
  /** SIGKILL, delivered when this returns. */
  kill(): void;
  /** Whether it was killed; an error if it failed in any other way. */
  ended: Promise<"killed" | "came to rest">;
};

/** Start the process and let it load; it does nothing until it is told to. */
export function startDoomedDrainer(file: string): DoomedDrainer {
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "ignore", "pipe"] });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin?.on("error", () => {});
  const ended = new Promise<"killed" | "came to rest">((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal === "SIGKILL") resolve("killed");
      else if (code === 0) resolve("came to rest");
      else reject(new Error(`the drainer ended with ${code ?? signal}: ${stderr}`));
    });
  });
  ended.catch(() => {});
  return {
    child,
    drain: (doom) => void child.stdin?.write(JSON.stringify(doom)),
    kill: () => void child.kill("SIGKILL"),
    ended,
  };
}
