import { type ChildProcess, spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import type { Cli } from "../../src/cli/cli.ts";
import { runCli } from "../../src/cli/run-cli.ts";
import { MAIN } from "../built-program.ts";

export type Env = Record<string, string | undefined>;
export type Ended = { code: number | null; stdout: string; stderr: string };

export type InProcess = { signal?: AbortSignal; isTTY?: boolean; columns?: number };

/** Runs a command inside this process: the same code without the start of a process. */
export async function cli(args: string[], env: Env, options: InProcess = {}): Promise<Ended> {
  const { signal = new AbortController().signal, isTTY = false, columns = 80 } = options;
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    isTTY,
    columns,
    write(text: string) {
      written[name] += text;
    },
  });
  const world: Cli = {
    env,
    stdout: output("stdout"),
    stderr: output("stderr"),
    stopSignal: () => signal,
    exitCode: 0,
  };
  const code = await runCli(args, world);
  return { code, ...written };
}

export type Running = {
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves as soon as stdout or stderr says it. */
  says(text: string | RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
};

/** Starts a command as a process of its own, which ends with the test at the latest. */
export function start(args: string[], env: Env): Running {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH, HOME, ...env } as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => {
      resolve({ code, ...written });
      for (const listener of listeners) listener();
    });
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    child,
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    ended,
    kill: (signal) => void child.kill(signal),
    says: (text) =>
      new Promise<void>((resolve, reject) => {
        const listener = () => {
          const all = written.stdout + written.stderr;
          if (typeof text === "string" ? all.includes(text) : text.test(all)) {
            listeners.delete(listener);
            resolve();
          } else if (child.exitCode !== null || child.signalCode !== null) {
            listeners.delete(listener);
            reject(
              new Error(`it ended (${child.exitCode ?? child.signalCode}) and never said ${text}:\n${all}`),
            );
          }
        };
        listeners.add(listener);
        listener();
      }),
  };
}
