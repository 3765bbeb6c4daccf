import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "../../harness/part.ts";

/** Make pgbench's own tables; a scale is 100,000 accounts. */
export function initialiseTpcB(url: string, scale: number): void {
  const { status, stderr } = spawnSync("pgbench", ["-i", "-I", "dtGvp", "-q", "-s", String(scale), url], {
    encoding: "utf8",
  });
  check(status === 0, `pgbench -i failed: ${stderr}`);
}

/** Where a script for pgbench stands. */
export function scriptFile(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "flex-crew-sync-bench-")), "script.sql");
  writeFileSync(file, text);
  return file;
}

/** @returns transactions per second; the built-in TPC-B without a script */
export function runPgbench(
  url: string,
  { clients, seconds, script }: { clients: number; seconds: number; script?: string },
): Promise<number> {
  const what = script ? ["-n", "-f", script] : ["-n", "-b", "tpcb-like"];
  const words = [
    ...what,
    "-M",
    "prepared",
    "-c",
    `${clients}`,
    "-j",
    `${Math.min(2, clients)}`,
    "-T",
    `${seconds}`,
    url,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn("pgbench", words, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      const tps = /^tps = ([\d.]+) \(without/m.exec(output)?.[1];
      const failed = /number of failed transactions: (\d+)/.exec(output)?.[1] ?? "0";
      if (code === 0 && tps && failed === "0") resolve(Number(tps));
      else
        reject(new Error(`pgbench ${words.slice(0, -1).join(" ")} ended with ${code}: ${errors}${output}`));
    });
  });
}
