import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished, vi } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = fileURLToPath(new URL("demo-with-current-sql.ts", import.meta.url));

export type DemoProcess = {
  child: ChildProcess;
  /** The folders of its Postgres that are still there; they go when the server has ended. */
  leftovers(): string[];
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves as soon as stdout says it. */
  says(text: string): Promise<void>;
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string | null>;
};

const HANGS_AFTER_MS = 55_000;

/** Start the demo as a process of its own, with a temp folder of its own. */
export function startDemo(args: string[] = [], env: Record<string, string> = {}): DemoProcess {
  const temp = mkdtempSync(join(tmpdir(), "flex-crew-sync-demo-test-"));
  // As root the server runs as another user, who has to get in.
  chmodSync(temp, 0o755);
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env, TMPDIR: temp },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
    });
  }
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.once("close", (code, signal) => resolve(code ?? signal));
    // Before the test's own patience ends, which tells nothing of where it hangs.
    setTimeout(() => reject(new Error(`the demo hangs; ${state()}`)), HANGS_AFTER_MS).unref();
  });
  ended.catch(() => {});
  const state = () =>
    child.exitCode === null && child.signalCode === null
      ? `it said:\n${written.stdout.slice(-2_000)}\n${written.stderr.slice(-2_000)}`
      : `its process has ended (${child.exitCode ?? child.signalCode}), and somebody still holds its output`;
  onTestFinished(() => {
    child.kill("SIGKILL");
    rmSync(temp, { recursive: true, force: true });
  });
  return {
    child,
    leftovers: () => readdirSync(temp).filter((name) => name.startsWith("flex-crew-sync")),
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    says: (text) =>
      vi.waitFor(
        () => {
          if (!written.stdout.includes(text)) throw new Error(`not yet said: ${text}\n${written.stderr}`);
        },
        { timeout: 60_000, interval: 50 },
      ),
    ended,
  };
}
