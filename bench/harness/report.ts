import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import { type Figure, isReached, type PartResult } from "./part.ts";
import { draw } from "./plot.ts";

/** One part of a run. A part that failed says so where its figures would be. */
export type Measured = {
  quick: boolean;
  ran_at: string;
  seconds: number;
  machine: Machine;
} & ({ result: PartResult } | { failed: string });

/** What `results/latest.json` holds: what the page shows. */
export type Results = Record<string, Measured>;

const fileOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const LATEST = fileOf("bench/results/latest.json");
const PAGE = fileOf("docs/performance.md");
const IMAGES = fileOf("docs/images/performance");

export function readLatest(): Results {
  try {
    return JSON.parse(readFileSync(LATEST, "utf8")) as Results;
  } catch {
    return {};
  }
}

/** Keep a run beside the others, which git ignores. @returns where */
export function writeRun(results: Results, startedAt: Date): string {
  const folder = fileOf("bench/results/runs");
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/${startedAt.toISOString().replaceAll(":", "")}.json`;
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  return path;
}

/** Make these results the ones that the page shows. */
export function publish(results: Results): void {
  writeFileSync(LATEST, `${JSON.stringify(results, null, 2)}\n`);
  mkdirSync(IMAGES, { recursive: true });
  let page = readFileSync(PAGE, "utf8");
  for (const [name, measured] of Object.entries(results)) {
    page = fillBlock(page, name, blockOf(measured));
    if ("result" in measured)
      for (const plot of measured.result.plots) writeFileSync(`${IMAGES}/${plot.name}.svg`, draw(plot));
  }
  writeFileSync(PAGE, page);
}

function fillBlock(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- figures of ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md lacks the lines ${begin} and ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}

function blockOf(measured: Measured): string {
  const { quick, ran_at, seconds, machine } = measured;
  const { versions } = machine;
  const on =
    `${quick ? "**Quick form**, rough: " : ""}${ran_at.slice(0, 10)}, ${Math.ceil(seconds / 60)} min, ${machine.cores} cores ` +
    `(${machine.cpu}), ${machine.memory_gib} GiB, a durable commit takes ${machine.commit_ms} ms. ` +
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`;
  if ("failed" in measured) return `${on}\n\n**This part failed**: ${measured.failed}`;
  const { figures, checked, notes, plots } = measured.result;
  return [
    tableOf(figures),
    ...plots.map(({ name, title }) => `![${title}](images/performance/${name}.svg)`),
    ...(checked.length > 0 ? [`Checked in the run: ${checked.join("; ")}.`] : []),
    ...(notes.length > 0 ? [notes.map((note) => `- ${note}`).join("\n")] : []),
    on,
  ].join("\n\n");
}

export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, unit, median, min, max, repetitions, ...rest }) => {
    const { target } = rest;
    const goal = target
      ? "at_most" in target
        ? `at most ${target.at_most}`
        : `at least ${target.at_least}`
      : "";
    const reached = isReached({ name, unit, median, min, max, repetitions, ...rest });
    const verdict = reached === null ? "" : reached ? "yes" : "**no**";
    const spread = repetitions === 1 ? "one run" : `${min} to ${max}`;
    return `| ${name} | ${`${median} ${unit}`.trim()} | ${spread} | ${goal} | ${verdict} |`;
  });
  return ["| figure | median | spread | target | reached |", "|---|---|---|---|---|", ...rows].join("\n");
}
