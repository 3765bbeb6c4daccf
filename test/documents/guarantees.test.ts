import { readdirSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import { expect, test } from "vitest";
import { ROOT, read } from "./repository.ts";

/** The promises of the page: what each says, and where it is shown. */
function promises(): { text: string; shown: string[] }[] {
  const promised = read("docs/guarantees.md").split("## Not promised")[0] ?? "";
  return promised
    .split(/^- /m)
    .slice(1)
    .map((text) => text.split(/^#/m)[0] ?? "")
    .map((text) => ({
      text: text.slice(0, 60),
      shown: [...(text.split(/Shown\s+by/)[1] ?? "").matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path]) =>
        normalize(path ?? ""),
      ),
    }));
}

/** Tests that a file or a folder holds. */
function testsIn(path: string): string[] {
  const full = join(ROOT, path);
  if (statSync(full, { throwIfNoEntry: false })?.isDirectory())
    return readdirSync(full).filter((name) => name.endsWith(".test.ts"));
  return statSync(full, { throwIfNoEntry: false }) && path.endsWith(".test.ts") ? [path] : [];
}

test("every promise names a test that is there", () => {
  const all = promises();
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter(({ shown }) => shown.length === 0)).toEqual([]);
  expect(all.flatMap(({ shown }) => shown).filter((path) => testsIn(path).length === 0)).toEqual([]);
});

test("every arrow between an operation's states has its sentence, and every sentence its arrow", () => {
  const page = read("docs/states.md");
  const [diagram = ""] = /stateDiagram-v2[\s\S]*?```/.exec(page) ?? [];
  const labels = [...diagram.matchAll(/: (.+)$/gm)].map(([, label]) => label ?? "");
  const arrows = page.split("**Arrows**")[1]?.split("\n## ")[0] ?? "";
  const told = [...arrows.matchAll(/^- (.*?):\s/gms)].flatMap(([, names]) =>
    [...(names ?? "").matchAll(/\*([^*]+)\*/g)].map(([, name]) => (name ?? "").replaceAll(/\s+/g, " ")),
  );
  expect(labels.length).toBeGreaterThan(10);
  expect([...new Set(labels)].toSorted()).toEqual([...new Set(told)].toSorted());
});
