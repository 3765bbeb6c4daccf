import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { failureOf } from "../../src/flex-answer-class.ts";
import { followsOf } from "./follows.ts";
import { type RouteName, TABLE } from "./table.ts";

/** Rows of the document's table of classes: what is seen, and the class between backquotes. */
const documented = readFileSync("docs/states.md", "utf8")
  .split("## Classes of outcome")[1]
  ?.split("\n## ")[0]
  ?.split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("`"))
  .map((line) => line.split("|").slice(1, 3))
  .map(([seen = "", name = ""]) => ({ seen, class: name.replaceAll("`", "").trim() })) as {
  seen: string;
  class: string;
}[];

/** Not Flex's doing: a drainer that was too late, and a budget that is used up. */
const OUR_OWN = ["lease_over", "no_budget"];

describe("the table of outcomes", () => {
  test.each(documented.filter((row) => !OUR_OWN.includes(row.class)))("has rows of class $class", (row) => {
    expect(TABLE.filter(({ is }) => Object.values(is).includes(row.class as never))).not.toEqual([]);
  });

  test.each(documented)("has every status that the documents name: $class", ({ seen }) => {
    const named = seen.match(/\b[2-5]\d\d\b/g) ?? [];
    const there = TABLE.map((row) => row.seen.match(/\b[2-5]\d\d\b/)?.[0]);
    expect(there).toEqual(expect.arrayContaining(named));
  });

  test("says for every cell what follows, and has no row twice", () => {
    for (const { seen, is } of TABLE) {
      for (const [route, name] of Object.entries(is)) {
        expect(followsOf(route as RouteName, name, seen, "lost")).toBeDefined();
      }
    }
    expect(new Set(TABLE.map(({ seen }) => seen)).size).toBe(TABLE.length);
  });
});

/** What the document says of a whole answer with this status, other than 2xx. */
function documentedClass(status: number): string {
  const row = documented.find(({ seen }) => seen.split("2xx")[0]?.includes(String(status)));
  return status === 401 ? "unauthorized" : (row?.class ?? "unknown");
}

test("every status that is no 2xx has the class that the documents give it", () => {
  const request = { method: "DELETE", path: "/line-item/x", ids: ["x"] } as const;
  const judge = { errorText: (text: string) => text, now: () => 0 };
  for (let status = 300; status < 600; status += 1) {
    const answer = {
      kind: "answered",
      status,
      contentType: "",
      retryAfter: null,
      date: null,
      body: "",
    } as const;
    const failure = failureOf({ ...request, ids: [...request.ids] }, answer, judge);
    expect([status, failure?.class]).toEqual([status, documentedClass(status)]);
  }
});
