import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { findAll, ROOT, read } from "../documents/repository.ts";
import { findProgram, needs } from "../needs.ts";
import { createDatabase } from "../postgres/database.ts";
import { startTestFace } from "./face-stage.ts";

const run = promisify(execFile);
const RULES = "examples/alert-rules.yml";
const DASHBOARD = "examples/grafana-dashboard.json";

type Panel = { title: string; type: string; targets?: { expr: string }[] };
const panels = () => (JSON.parse(read(DASHBOARD)) as { panels: Panel[] }).panels;
const expressions = () => panels().flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

function promtool(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(findProgram("promtool") ?? "promtool", args, { cwd: ROOT });
}

test("every metric that the examples name is one that the daemon tells", async () => {
  const { url } = await createDatabase();
  const face = await startTestFace(url);
  face.observer.flexCall("readLines", "done", 10);
  face.observer.queueCall("claimOperations", true, 1);
  const { body } = await face.ask("/metrics");
  const told = new Set(findAll(body, /^([a-z0-9_]+)(?:\{| )/gm));
  for (const text of [read(RULES), expressions().join("\n")]) {
    const named = findAll(text, /\b((?:flex_crew_sync|process|nodejs)_[a-z0-9_]+)/g);
    expect(named.length).toBeGreaterThan(7);
    expect(named.filter((name) => !told.has(name))).toEqual([]);
  }
});

test("there is an alert for each thing that a person should be woken for", () => {
  expect(findAll(read(RULES), /alert: FlexCrewSync(\w+)/g)).toEqual([
    "BreakerOpen",
    "BudgetNearlyUsed",
    "Failed",
    "HeldADay",
    "Lag",
    "NothingReady",
    "Paused",
    "TokenRefused",
    "Unknown",
  ]);
});

test("every panel of the dashboard asks something", () => {
  const asking = panels().filter(({ type }) => type !== "row");
  expect(asking.length).toBeGreaterThan(12);
  expect(asking.filter(({ targets = [] }) => targets.length === 0).map(({ title }) => title)).toEqual([]);
});

describe("promtool", () => {
  const withPromtool = needs("promtool");

  withPromtool("reads the rules", async () => {
    expect((await promtool("check", "rules", RULES)).stdout).toContain("9 rules found");
  });

  withPromtool("sees each alert fire on a bad day, and none on a good one", async () => {
    expect((await promtool("test", "rules", "test/face/alert-rules.promtool.yml")).stdout).toContain(
      "SUCCESS",
    );
  });

  withPromtool("reads every question of the dashboard", async () => {
    const folder = await mkdtemp(join(tmpdir(), "flex-crew-sync-rules-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const rules = expressions().map((expr, n) => ({
      record: `panel:${n}`,
      expr: expr.replaceAll("$__rate_interval", "5m"),
    }));
    const file = join(folder, "rules.yml");
    await writeFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    expect((await promtool("check", "rules", file)).stdout).toContain(`${rules.length} rules found`);
  });
});
