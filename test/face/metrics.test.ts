import { expect, test, vi } from "vitest";
import { ana, ben, makeCrewCall, person } from "../crew-call.ts";
import { codeWords, section } from "../documents/repository.ts";
import { startPostgresProxy } from "../drainer/postgres-proxy.ts";
import { drainUntilRest, setStage } from "../drainer/stage.ts";
import { sync } from "../functions/asking.ts";
import { createDatabase } from "../postgres/database.ts";
import { bearer, type StartedFace, startTestFace, TOKEN } from "./face-stage.ts";

/** A scrape, as `name{labels}` to value. */
async function scrape(face: StartedFace): Promise<Map<string, number>> {
  const { status, body, headers } = await face.ask("/metrics");
  expect(status).toBe(200);
  expect(headers["content-type"]).toContain("text/plain; version=0.0.4");
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

test("tells queue, conditions, budget and breaker", async () => {
  const { url, sql } = await createDatabase();
  const refused = await makeCrewCall(sql, { desired: [ana, ben] });
  await sync(sql, refused, ({ kind }) => (kind === "add" ? { outcome: "refused", status: 400 } : undefined));
  const waiting = await makeCrewCall(sql, { desired: [ana] });
  await sql`select sync_crew_call(${waiting.id})`;
  await makeCrewCall(sql, { desired: [{ ...person(9), resource: null }] });
  await sql`update flex_sync.settings set hourly_limit = 50`;
  const face = await startTestFace(url);
  const told = await scrape(face);
  const [{ calls } = { calls: 0 }] = await sql<
    { calls: number }[]
  >`select count(*)::int as calls from flex_sync.calls`;
  expect(Object.fromEntries(told)).toMatchObject({
    flex_crew_sync_database_up: 1,
    'flex_crew_sync_operations{kind="add",state="failed"}': 2,
    'flex_crew_sync_operations{kind="observe",state="pending"}': 1,
    'flex_crew_sync_operations{kind="remove",state="held"}': 0,
    'flex_crew_sync_oldest_operation_age_seconds{state="held"}': 0,
    'flex_crew_sync_crew_calls{condition="failed"}': 1,
    'flex_crew_sync_crew_calls{condition="pending"}': 1,
    'flex_crew_sync_crew_calls{condition="synced"}': 0,
    'flex_crew_sync_budget_left_calls{window="hour"}': 50 - calls,
    'flex_crew_sync_budget_limit_calls{window="hour"}': 50,
    'flex_crew_sync_budget_limit_calls{window="month"}': 100_000,
    'flex_crew_sync_breaker_open{reason="token_refused"}': 0,
    flex_crew_sync_paused: 0,
    flex_crew_sync_sync_failure_ratio: 1,
    flex_crew_sync_syncs_last_day: 1,
  });
  for (const name of ["failed", "pending"])
    expect(told.get(`flex_crew_sync_oldest_operation_age_seconds{state="${name}"}`)).toBeGreaterThan(0);
  expect(told.get("flex_crew_sync_oldest_request_age_seconds")).toBeGreaterThan(0);
});

test("measures this process's Flex calls and its claims and records", async () => {
  const stage = await setStage();
  const face = await startTestFace(stage.url);
  const drainer = stage.drainer({ observer: face.observer });
  const call = await stage.makeCrewCall([ana, ben]);
  stage.flex.fault({ route: "add", times: 1, do: { kind: "answer", status: 400 } });
  await stage.sync(call);
  await drainUntilRest(drainer);
  const count = "flex_crew_sync_flex_call_duration_seconds_count";
  const told = await scrape(face);
  expect(told.get(`${count}{call="read_lines",outcome="done"}`)).toBeGreaterThan(0);
  expect(told.get(`${count}{call="add_resource",outcome="done"}`)).toBe(1);
  expect(told.get(`${count}{call="add_resource",outcome="refused"}`)).toBe(1);
  const database = "flex_crew_sync_database_call_duration_seconds_count";
  for (const name of ["claim_operations", "record_observation", "record_add", "record_failure"])
    expect(told.get(`${database}{function="${name}",result="ok"}`), name).toBeGreaterThan(0);
});

test("goes on without the database, and says so", async () => {
  const { url } = await createDatabase();
  const proxy = await startPostgresProxy(url);
  const face = await startTestFace(proxy.url);
  expect((await scrape(face)).get("flex_crew_sync_database_up")).toBe(1);
  await proxy.down();
  const away = await vi.waitFor(
    async () => {
      const told = await scrape(face);
      expect(told.get("flex_crew_sync_database_up")).toBe(0);
      return told;
    },
    { timeout: 20_000 },
  );
  expect(away.has("process_cpu_seconds_total")).toBe(true);
  expect(away.has("flex_crew_sync_paused")).toBe(false);
});

test("any number of scrapes at once asks the database once", async () => {
  const { url } = await createDatabase();
  const proxy = await startPostgresProxy(url);
  const face = await startTestFace(proxy.url);
  const first = await Promise.all(Array.from({ length: 20 }, () => scrape(face)));
  expect(first.every((told) => told.get("flex_crew_sync_database_up") === 1)).toBe(true);
  expect(proxy.made).toBeLessThanOrEqual(2);
});

test("every name follows the convention and has a help text", async () => {
  const { url } = await createDatabase();
  const { body } = await (await startTestFace(url)).ask("/metrics");
  const typed = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({
    name: name ?? "",
    type,
  }));
  const ours = typed.filter(({ name }) => name.startsWith("flex_crew_sync_"));
  expect(ours.length).toBeGreaterThan(15);
  for (const { name, type } of ours) {
    expect(body).toMatch(new RegExp(`^# HELP ${name} .{10,}$`, "m"));
    expect(name.endsWith("_total")).toBe(type === "counter");
    if (type === "histogram") expect(name).toMatch(/_seconds$/);
  }
  expect(new Set(typed.map(({ name }) => name)).size).toBe(typed.length);
});

test("needs the token where there is one, and takes it as a bearer", async () => {
  const { url } = await createDatabase();
  const face = await startTestFace(url, { statusToken: TOKEN });
  expect(await face.ask("/metrics")).toMatchObject({
    status: 401,
    headers: { "www-authenticate": "Bearer" },
  });
  expect((await face.ask("/metrics", { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
  expect((await face.ask("/metrics", { headers: bearer })).status).toBe(200);
  expect((await face.ask("/healthz")).status).toBe(200);
});

test("every metric of ours stands in docs/status-page.md, and nothing else does", async () => {
  const { url } = await createDatabase();
  const { body } = await (await startTestFace(url)).ask("/metrics");
  const told = [...body.matchAll(/^# TYPE (flex_crew_sync_\S+)/gm)].map(([, name]) => name ?? "");
  const documented = codeWords(section("docs/status-page.md", "## Metrics"))
    .map((word) => word.replace(/\{.*$/, ""))
    .filter((word) => /^flex_crew_sync_\w+$/.test(word) && word !== "flex_crew_sync_");
  expect([...new Set(documented)].sort()).toEqual(told.sort());
});
