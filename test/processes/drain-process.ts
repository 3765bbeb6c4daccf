import { type ChildProcess, spawn } from "node:child_process";
import { onTestFinished, vi } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { MAIN } from "../built-program.ts";

export type DrainProcess = {
  child: ChildProcess;
  /** What it logged so far, parsed. */
  log: { level: number; msg: string; error?: string }[];
  /** When it has logged `ready`, or `ready again`, so often. */
  ready(times?: number): Promise<void>;
  /** Its exit code, null after a deadly signal. */
  ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
};

export type DrainEnvironment = {
  databaseUrl: string;
  flex: Simulator;
  listenDatabaseUrl?: string;
  timeoutMs?: number;
};

/** `flex-crew-sync drain` as a process of its own; it is killed at the end of the test. */
export function startDrain({
  databaseUrl,
  flex,
  listenDatabaseUrl = "",
  timeoutMs = 1_500,
}: DrainEnvironment): DrainProcess {
  const child = spawn(process.execPath, [MAIN, "drain"], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      LISTEN_DATABASE_URL: listenDatabaseUrl,
      FLEX_BASE_URL: flex.baseUrl,
      FLEX_AUTH_TOKEN: flex.token,
      FLEX_TIMEOUT_MS: String(timeoutMs),
      LOG_LEVEL: "info",
      PORT: "",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log: DrainProcess["log"] = [];
  const stray: string[] = [];
  let rest = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("{")) log.push(JSON.parse(line));
      else stray.push(line);
    }
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const readies = () => log.filter(({ msg }) => msg.startsWith("ready")).length;
  const died = ended.then((code) => {
    throw new Error(`the drainer ended with ${code}: ${stray.join("\n")} ${JSON.stringify(log.at(-1))}`);
  });
  died.catch(() => {});
  return {
    child,
    log,
    ready: async (times = 1) => {
      await Promise.race([died, vi.waitUntil(() => readies() >= times, { timeout: 40_000 })]);
    },
    ended,
    kill: (signal) => void child.kill(signal),
  };
}
