import { expect, test, vi } from "vitest";
import { ana, makeCrewCall } from "../crew-call.ts";
import { startPostgresProxy } from "../drainer/postgres-proxy.ts";
import { moveClock } from "../functions/move-clock.ts";
import { createDatabase } from "../postgres/database.ts";
import { type StartedFace, startTestFace } from "./face-stage.ts";

async function readiness(face: StartedFace) {
  const { status, body } = await face.ask("/readyz");
  const { ready, checks } = JSON.parse(body) as { ready: boolean; checks: Record<string, { ok: boolean }> };
  expect(status).toBe(ready ? 200 : 503);
  return { ready, checks, notOk: Object.keys(checks).filter((name) => !checks[name]?.ok) };
}

test("the process is alive, whatever the database does", async () => {
  const face = await startTestFace("postgres://127.0.0.1:1/nowhere");
  expect(await face.ask("/healthz")).toMatchObject({ status: 200, body: '{"alive":true}\n' });
  face.observer.step();
  expect(await readiness(face)).toMatchObject({
    ready: false,
    notOk: ["database"],
    checks: { database: { error: "no answer" } },
  });
});

test("it is ready once the loop has made a step, and no more when it stops", async () => {
  const { url } = await createDatabase();
  const face = await startTestFace(url);
  expect((await readiness(face)).notOk).toEqual(["drainer"]);
  face.observer.step("the database does not answer");
  expect((await readiness(face)).notOk).toEqual(["drainer"]);
  face.observer.step();
  expect(await readiness(face)).toMatchObject({ ready: true, notOk: [] });
  face.stop.abort();
  expect(await readiness(face)).toMatchObject({
    notOk: ["drainer"],
    checks: { drainer: { stopping: true } },
  });
});

test("an open breaker and late work make it unready; a pause does not", async () => {
  const { url, sql } = await createDatabase();
  const face = await startTestFace(url);
  face.observer.step();
  const becomes = (expected: object) =>
    vi.waitFor(async () => expect(await readiness(face)).toMatchObject(expected), { timeout: 20_000 });

  await sql`update flex_sync.tenant set breaker_opened_at = flex_sync.clock(), breaker_reason = 'token_refused'`;
  await becomes({ notOk: ["breaker"], checks: { breaker: { reason: "token_refused" } } });
  await sql`update flex_sync.tenant set breaker_opened_at = null, breaker_reason = null`;
  await becomes({ ready: true });

  const call = await makeCrewCall(sql, { desired: [ana] });
  await sql`select sync_crew_call(${call.id})`;
  await moveClock(sql, "10 min");
  await becomes({ notOk: ["lag"], checks: { lag: { seconds: expect.any(Number) } } });
  await sql`select flex_sync.pause('test')`;
  await becomes({ ready: true, checks: { paused: { paused: true } } });
});

test("it says when the database goes away and when it is back", async () => {
  const { url } = await createDatabase();
  const proxy = await startPostgresProxy(url);
  const face = await startTestFace(proxy.url);
  face.observer.step();
  expect((await readiness(face)).ready).toBe(true);
  await proxy.down();
  await vi.waitFor(async () => expect((await readiness(face)).notOk).toEqual(["database"]), {
    timeout: 20_000,
  });
  await proxy.listen();
  await vi.waitFor(async () => expect((await readiness(face)).ready).toBe(true), { timeout: 20_000 });
});

test("it names nobody to whoever asks", async () => {
  const face = await startTestFace("postgres://secret-user:secret-password@127.0.0.1:1/secret-name");
  const { body } = await face.ask("/readyz");
  expect(body).not.toContain("secret");
});
