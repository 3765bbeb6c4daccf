import postgres from "postgres";
import { expect, test, vi } from "vitest";
import { startDemo } from "./demo-process.ts";
import { differences } from "./differences.ts";

test("the demo repairs the season, says what it did, and leaves nothing behind", async () => {
  const demo = startDemo();
  expect(await demo.ended, demo.stdout + demo.stderr).toBe(0);

  const before = ["duplicate rows 5", "people twice in Flex 4", "missing in Flex 10", "Flex contact 1"];
  const story = demo.stdout.replaceAll(/\s+/g, " ");
  for (const count of before) expect(story).toContain(count);
  for (const part of [
    "duplicate rows 5 0",
    "people twice in Flex 4 0",
    "missing in Flex 10 0",
    "sound roles wrong or unset 5 0",
    "9 of 9 crew calls",
    "Flex added Łukasz Wójcik, and the connection broke",
    "Adds sent: 1.",
    "Joan Puigdomènech i Serra is SND-RF-E and had the role of tier R. One write made it tier E",
    "Nerea Olabarria Ugarte waits (Sagunto, sound, unmapped): select sync_crew_call('",
    "-- once profiles.flex_resource_id of Nerea Olabarria Ugarte",
    "All of it holds.",
  ]) {
    expect(story).toContain(part);
  }
  expect(demo.stdout).not.toContain("✗");
  expect(demo.stderr).toBe("");
  expect(demo.leftovers()).toEqual([]);

  // Plain lines of at most 80 columns, and no whole ids.
  const lines = demo.stdout.split("\n");
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(demo.stdout).not.toContain("\r");
  expect(demo.stdout).not.toContain("\u001b");
  expect(demo.stdout).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
});

test("whatever differs is found, and ends it with 1", async () => {
  const demo = startDemo([], { DIFFERENCES: "all" });
  expect(await demo.ended, demo.stderr).toBe(1);
  for (const { found } of Object.values(differences)) expect(demo.stdout).toContain(found);
  expect(demo.stdout).not.toContain("✓");
  expect(demo.stdout).toContain("Something differs");
});

test("--keep leaves it running until Ctrl-C", async () => {
  const demo = startDemo(["--keep"]);
  await demo.says("Ctrl-C ends all of it.");
  const url = /psql '(.*)'/.exec(demo.stdout)?.[1] ?? "";
  const flex = /http:\/\/127\.0\.0\.1:\d+(?=\/__simulator)/.exec(demo.stdout)?.[0] ?? "";
  const page = /http:\/\/127\.0\.0\.1:\d+\/$/m.exec(demo.stdout)?.[0] ?? "";
  const shown = await (await fetch(page)).text();
  const [, crewCall = ""] = /href="(\/crew-calls\/[^"]+)"/.exec(shown) ?? [];
  expect(await (await fetch(new URL(crewCall, page))).text()).toContain("Sync now");
  const queries = [...demo.stdout.matchAll(/^ {4}(select .*;)$/gm)].map(([, query = ""]) => query);
  const sql = postgres(url, { max: 1, connect_timeout: 1, onnotice: () => {} });
  for (const query of queries.filter((text) => !text.includes("…"))) {
    expect((await sql.unsafe(query)).length, query).toBeGreaterThan(0);
  }
  // The click above is answered by the drainer that goes on.
  await vi.waitFor(
    async () => {
      const [open] = await sql`select count(*)::int as syncs from flex_sync.syncs where finished_at is null`;
      expect(open?.syncs).toBe(0);
    },
    { timeout: 10_000 },
  );
  await sql.end();
  demo.child.kill("SIGINT");
  expect(await demo.ended, demo.stderr).toBe(0);
  for (const gone of [flex, page]) await expect(fetch(gone)).rejects.toThrow();
  expect(demo.leftovers()).toEqual([]);
});

test("Ctrl-C in the middle leaves nothing behind either", async () => {
  const demo = startDemo();
  await demo.says("3  Two drainers");
  demo.child.kill("SIGINT");
  expect(await demo.ended).toBe("SIGINT");
  await vi.waitFor(() => expect(demo.leftovers()).toEqual([]), { timeout: 15_000 });
});
