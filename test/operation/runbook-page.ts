import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { cli, type Ended, type Env } from "../cli/command-line.ts";
import { read } from "../documents/repository.ts";
import type { Stage } from "../drainer/stage.ts";
import { paste } from "./follow.ts";

const PAGE = "docs/operations.md";

/** What a section of the page tells people to run, block by block. */
type Section = { heading: string; blocks: { language: string; text: string }[] };

export function sections(page: string = PAGE): Section[] {
  return read(page)
    .split(/^## /m)
    .slice(1)
    .map((text) => ({
      heading: text.slice(0, text.indexOf("\n")),
      blocks: [...text.matchAll(/^```(sql|sh)\n([\s\S]*?)^```$/gm)].map(([, language = "", block = ""]) => ({
        language,
        text: block,
      })),
    }))
    .filter(({ blocks }) => blocks.length > 0);
}

export type Where = Pick<Stage, "sql" | "url"> & Partial<Pick<Stage, "flex">>;

/** A section that is played: its blocks are run one after the other, and none is left out. */
export type Play = {
  /** Run the next block, with the names in capitals filled in. Answers what it wrote, one text for SQL, one ending per shell command. */
  sql(names?: Record<string, string>): Promise<string>;
  sh(names?: Record<string, string>, afterTheFirst?: () => Promise<unknown>): Promise<Ended[]>;
  /** Leave the next block out, and say what this machine lacks for it. */
  skip(needs: string): void;
  finished(): void;
};

export function play(heading: string, where: Where, page: string = PAGE): Play {
  const blocks = [...(sections(page).find((section) => section.heading === heading)?.blocks ?? [])];
  const next = (language: string, names: Record<string, string>) => {
    const block = blocks.shift();
    expect(block?.language, `the next block of "${heading}"`).toBe(language);
    const text = Object.entries(names).reduce(
      (filled, [name, value]) => filled.replaceAll(name, value),
      block?.text ?? "",
    );
    expect(
      text.replaceAll(/\$DATABASE_URL|DATABASE_URL|FLEX_[A-Z_]+|LISTEN_[A-Z_]+/g, ""),
      "names in capitals",
    ).not.toMatch(/\b[A-Z]{2,}_[A-Z_]+\b|'PLAN'/);
    return text;
  };
  return {
    sql: async (names = {}) => paste(where, next("sql", names)),
    async sh(names = {}, afterTheFirst) {
      const endings: Ended[] = [];
      for (const line of next("sh", names).trim().split("\n")) {
        endings.push(await shell(line, where));
        if (endings.length === 1) await afterTheFirst?.();
      }
      return endings;
    },
    skip: (needs) => console.warn(`skipped, needs ${needs}: ${blocks.shift()?.text}`),
    finished: () => expect(blocks.map(({ text }) => text)).toEqual([]),
  };
}

/** One line of shell. The command line runs in this process: the same code, without the start of another. */
async function shell(line: string, { url, flex }: Where): Promise<Ended> {
  const env: Env = { DATABASE_URL: url, FLEX_BASE_URL: flex?.baseUrl, FLEX_AUTH_TOKEN: flex?.token };
  const [, given = "", command] = /^((?:[A-Z_]+=\S+ )*)npx flex-crew-sync (.*)$/.exec(line) ?? [];
  if (command === undefined) {
    const { PATH } = process.env;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", line], {
      cwd: folderOfTheTest(),
      env: { PATH, DATABASE_URL: url },
      encoding: "utf8",
    });
    return { code: status, stdout, stderr };
  }
  for (const pair of given.split(" ").filter(Boolean))
    env[pair.split("=")[0] ?? ""] = pair.slice(pair.indexOf("=") + 1);
  if (command === "drain") return daemon(env);
  const ended = await cli(command.split(" "), env, { columns: 200 });
  // What is being written belongs to the version that runs.
  if (command === "migrate" && /^applied/.test(ended.stdout)) await applyCurrent(url);
  return ended;
}

/** The daemon works until the test ends. */
function daemon(env: Env): Ended {
  const stop = new AbortController();
  const ended = cli(["drain"], env, { signal: stop.signal });
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  return { code: null, stdout: "", stderr: "" };
}

const folders = new Map<string, string>();

/** Where files of the test that is running go; it ends with the test. */
function folderOfTheTest(): string {
  const test = expect.getState().currentTestName ?? "";
  const there = folders.get(test);
  if (there) return there;
  const folder = mkdtempSync(join(tmpdir(), "runbook-"));
  folders.set(test, folder);
  onTestFinished(() => {
    folders.delete(test);
    rmSync(folder, { recursive: true });
  });
  return folder;
}
