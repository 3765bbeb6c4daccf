import { expect, test } from "vitest";
import { read, trackedFiles } from "./repository.ts";

const { scripts, bin, engines } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
  engines: { node: string };
};

/** What shells are told to run, in a page's code. */
function commands(page: string): string[] {
  const blocks = [...read(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? "");
  const inline = [...read(page).matchAll(/`((?:npm|npx) [^`]+)`/g)].map(([, command]) => command ?? "");
  return [...blocks.join("\n").split("\n"), ...inline].filter((line) => line !== "");
}

const PAGES = trackedFiles().filter((path) => path.endsWith(".md"));

test("every npm script that a page names is there", () => {
  const named = PAGES.flatMap(commands).flatMap((command) => [...command.matchAll(/npm run ([a-z:]+)/g)]);
  expect(named.length).toBeGreaterThan(3);
  expect(named.map(([, name]) => name ?? "").filter((name) => !(name in scripts))).toEqual([]);
});

test("the README says how to run it, and needs what the package needs", () => {
  expect(commands("README.md")).toContain("npm ci && npm run demo");
  expect(commands("README.md")).toContain("npm ci && npm test");
  expect(bin).toHaveProperty("flex-crew-sync");
  const [, node] = /(\d+\.\d+)/.exec(engines.node) ?? [];
  expect(read("README.md")).toContain(`Node ${node}`);
});

test("installing takes five commands at most", () => {
  const block = /## Install it[\s\S]*?```sh\n([\s\S]*?)```/.exec(read("README.md"))?.[1] ?? "";
  expect(block.trim().split("\n").length).toBeLessThanOrEqual(5);
});

test("the README fits two screens", () => {
  expect(read("README.md").split("\n").length).toBeLessThan(110);
});

test("exports of the package stand in its page, and nothing else does", () => {
  const exported = [...read("src/index.ts").matchAll(/export (?:type )?\{([^}]*)\}/g)]
    .flatMap(([, names]) => (names ?? "").split(","))
    .map((name) => name.replace("type ", "").trim())
    .filter((name) => name !== "");
  const table = read("docs/library.md").split("| export |")[1]?.split("\n\n")[0] ?? "";
  const documented = table
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) =>
      [...(line.split("|")[1] ?? "").matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name ?? ""),
    );
  expect(exported.length).toBeGreaterThan(5);
  expect(documented.sort()).toEqual(exported.sort());
});
