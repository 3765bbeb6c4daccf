import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findProgram, needs } from "../needs.ts";
import { cli } from "./command-line.ts";
import { startProgramOnTerminal } from "./terminal/pseudo-terminal.ts";

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout } = await cli(["completion", shell], {});
  expect(code).toBe(0);
  const folder = mkdtempSync(join(tmpdir(), "flex-completion-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "script");
  writeFileSync(path, stdout);
  return path;
}

/** What each of these lines could go on with; a line ends where the cursor stands. */
const LINES: [line: string, there: string[], missing: string[]][] = [
  ["flex-crew-sync ", ["status", "sync", "doctor", "completion", "help"], ["--json"]],
  ["flex-crew-sync st", ["status"], ["sync"]],
  ["flex-crew-sync -", ["--version", "--no-color", "--help"], ["status", "--json"]],
  ["flex-crew-sync status --", ["--watch", "--json", "--no-color"], ["--job", "--print"]],
  ["flex-crew-sync --no-color sync --d", ["--department", "--dry-run"], ["--json"]],
  ["flex-crew-sync migrate --p", ["--print"], ["--host-schema"]],
  ["flex-crew-sync completion ", ["bash", "zsh", "fish"], ["status"]],
  ["flex-crew-sync help sy", ["sync"], ["status"]],
  ["flex-crew-sync simulate-flex --role-cell b", ["bare-id"], ["absent", "--port"]],
];

/** Types commands with tabs in them; in place of flex-crew-sync runs what says how it was called. */
async function typeInto([shell = "", ...args]: string[], setUp: string): Promise<void> {
  const program = findProgram(shell) as string;
  const terminal = startProgramOnTerminal([program, ...args], { TERM: "dumb" }, { rows: 24, columns: 100 });
  terminal.type(`${setUp}; flex-crew-sync() { echo "called: $*."; }\n`);
  for (const [typed, called] of [
    ["doct\t--j\t", "doctor --json"],
    ["completion z\t", "completion zsh"],
    ["simulate-flex --role-cell ba\t", "simulate-flex --role-cell bare-id"],
  ]) {
    terminal.type(`flex-crew-sync ${typed}\n`);
    await terminal.getsSent(`called: ${called}.`);
  }
}

describe("flex-crew-sync completion", () => {
  needs("bash")("completes commands, options and values in bash", async () => {
    const script = await scriptFor("bash");
    // The function that bash would call, with the variables that bash would set.
    const complete = `
      source "$1"; read -ra COMP_WORDS <<< "$2"; [[ "$2" == *" " ]] && COMP_WORDS+=("")
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); $(complete -p flex-crew-sync | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' "\${COMPREPLY[@]}"`;
    for (const [line, there, missing] of LINES) {
      const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", complete, "bash", script, line], {
        encoding: "utf8",
      });
      expect(stderr).toBe("");
      expect(stdout.split("\n"), line).toEqual(expect.arrayContaining(there));
      expect(stdout.split("\n").filter((word) => missing.includes(word))).toEqual([]);
    }
  });

  needs("python3", "bash")("completes in a bash that somebody types into", async () => {
    const script = await scriptFor("bash");
    await typeInto(["bash", "--norc", "-i"], `source ${script}`);
  });

  needs("fish")("completes commands, options and values in fish", async () => {
    const script = await scriptFor("fish");
    for (const [line, there, missing] of LINES) {
      const { stdout } = spawnSync("fish", ["--no-config", "-c", `source ${script}; complete -C "${line}"`], {
        encoding: "utf8",
      });
      const words = stdout.split("\n").map((found) => found.split("\t")[0] ?? "");
      expect(words, line).toEqual(expect.arrayContaining(there));
      expect(words.filter((word) => missing.includes(word))).toEqual([]);
    }
  });

  needs("python3", "zsh")("completes commands, options and values in zsh", async () => {
    const script = await scriptFor("zsh");
    await typeInto(["zsh", "-f", "-i"], `autoload -U compinit; compinit -u -D; source ${script}`);
  });

  test("refuses a shell that it does not know", async () => {
    const { code, stderr } = await cli(["completion", "csh"], {});
    expect(code).toBe(2);
    expect(stderr).toContain("bash, zsh, fish");
  });
});
