import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";

const SOURCE = fileURLToPath(new URL("../../src/embedded/start-embedded-postgres.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A process that starts a server, says which, and then does what `afterwards` says. */
function startOwner(afterwards: string): ChildProcess {
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(SOURCE)});
    const { pid, dataDir } = await startEmbeddedPostgres({ params: { fsync: "off" } });
    console.log(JSON.stringify({ pid, dataDir }));
    ${afterwards}`;
  return spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

async function serverOf(owner: ChildProcess): Promise<{ pid: number; dataDir: string }> {
  return new Promise((resolve, reject) => {
    owner.stdout?.once("data", (line) => resolve(JSON.parse(String(line))));
    owner.once("exit", () => reject(new Error("the process ended before its server was up")));
  });
}

async function untilGone({ pid, dataDir }: { pid: number; dataDir: string }): Promise<void> {
  await vi.waitFor(
    () => {
      expect(() => process.kill(pid, 0)).toThrow(expect.objectContaining({ code: "ESRCH" }));
      expect(existsSync(dataDir)).toBe(false);
    },
    { timeout: 15_000, interval: 50 },
  );
}

const forever = "setInterval(() => {}, 1000);";

test.concurrent.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)(
  "the server goes with its process: %s",
  async (signal) => {
    const owner = startOwner(forever);
    const server = await serverOf(owner);
    owner.kill(signal);
    await untilGone(server);
  },
);

test.concurrent.each([
  ["process.exit", "process.exit(3);"],
  ["an error", "setTimeout(() => { throw new Error(); });"],
  ["nothing left to do", ""],
])("the server goes with its process: %s", async (_how, afterwards) => {
  await untilGone(await serverOf(startOwner(afterwards)));
});
