import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished } from "vitest";
import { ana, ben } from "../crew-call.ts";
import { read } from "../documents/repository.ts";
import { needs } from "../needs.ts";
import { hostOfTheOldFunction } from "../operation/host-of-the-old-function.ts";

const run = promisify(execFile);

/** The commands under "Install it", with what is in capitals filled in. */
function commands(filled: Record<string, string>): string[] {
  const block = /## Install it[\s\S]*?```sh\n([\s\S]*?)```/.exec(read("README.md"))?.[1] ?? "";
  const text = Object.entries(filled).reduce((all, [name, value]) => all.replaceAll(name, value), block);
  return text.trim().split("\n");
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "newcomer-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

needs("npm", "psql")(
  "a newcomer comes from an existing database to a correct crew call with the README's five commands",
  async () => {
    const host = await hostOfTheOldFunction();
    const shelf = await emptyFolder();
    await run("npm", ["pack", "--pack-destination", shelf], { maxBuffer: 1e8 });
    const [tarball = ""] = await readdir(shelf);
    const project = await emptyFolder();
    const lines = commands({
      "npm install flex-crew-sync": `npm install --prefer-offline --no-audit --no-fund ${join(shelf, tarball)}`,
      "postgres://USER:PASSWORD@HOST/DATABASE": host.url,
      "https://TENANT.flexrentalsolutions.com/f5/api": host.flex.baseUrl,
      KEY: host.flex.token,
      "ID of a flex_crew_calls row": host.call.id,
    });
    expect(lines.length).toBeLessThanOrEqual(5);
    expect(lines.join("\n")).not.toMatch(/\b(USER|HOST|TENANT|KEY)\b/);

    const begun = performance.now();
    let settings = ":";
    for (const line of lines) {
      if (line.startsWith("export ")) settings = line;
      else if (line.endsWith(" drain")) await inAnotherTerminal(`${settings}\n${line}`, project);
      else await run("sh", ["-ec", `${settings}\n${line}`], { cwd: project, env: environment() });
    }
    await host.until("synced");
    console.info(
      `from npm install to a correct crew call: ${((performance.now() - begun) / 1000).toFixed(1)} s`,
    );

    expect(host.inFlex()).toEqual([ana.resource, ben.resource]);
    const recorded = await host.sql`select technician_id from flex_crew_assignments order by 1`;
    expect(recorded.map(({ technician_id }) => technician_id)).toEqual([ana.id, ben.id]);
  },
  300_000,
);

/** What a newcomer's shell has: nothing of this run's. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, npm_config_cache } = process.env;
  return { PATH, HOME, ...(npm_config_cache ? { npm_config_cache } : {}) } as NodeJS.ProcessEnv;
}

/** Start a command that keeps running; resolves once it says that it is ready. */
async function inAnotherTerminal(script: string, cwd: string): Promise<void> {
  const terminal = spawn("sh", ["-ec", script], { cwd, env: environment(), detached: true });
  const ended = new Promise((resolve) => terminal.once("close", resolve));
  onTestFinished(async () => {
    if (terminal.pid && terminal.exitCode === null) process.kill(-terminal.pid, "SIGTERM");
    await ended;
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('"ready"')) resolve();
    };
    terminal.stdout.on("data", hear);
    terminal.stderr.on("data", hear);
    terminal.once("close", () => reject(new Error(said)));
  });
}
