import { randomUUID } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { expect, onTestFinished, test, vi } from "vitest";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { assign, person } from "../crew-call.ts";
import { startDrain } from "./drain-process.ts";

const people = Array.from({ length: 12 }, (_, index) => person(index + 1));

test("Postgres killed and restarted in the middle, and shut down once more: nobody is forgotten, nobody is there twice", async () => {
  await using server = await startEmbeddedPostgres({ params: { fsync: "off" } });
  await migrate({ connectionString: server.url });
  await applyCurrent(server.url);
  const sql = postgres(server.url, { max: 2, onnotice: () => {} });
  onTestFinished(() => sql.end({ timeout: 1 }));
  const flex = await startSimulator({ latencyMs: 50 });
  onTestFinished(() => flex.stop());
  await sql`update flex_sync.settings
    set lease = '3 s', late_landing = '500 ms', confirm_after = '300 ms', max_concurrency = 3`;
  const call = { id: randomUUID(), job: randomUUID(), department: "sound" } as const;
  const element = randomUUID();
  flex.addElement(element);
  await sql`insert into jobs (id) values (${call.job})`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id)
    values (${call.id}, ${call.job}, 'sound', ${element})`;
  await assign(sql, call, people);

  const drain = startDrain({ databaseUrl: server.url, flex });
  await drain.ready();
  await sql`select sync_crew_call(${call.id})`;
  await flex.waitForCalls(4, { route: "add" });
  await server.restart("immediate");
  // Three at most were in flight, so the eighth was claimed after the restart, whether or not the outage was noticed.
  await flex.waitForCalls(8, { route: "add" });
  await server.restart("fast");
  await vi.waitUntil(() => isSynced(sql, call.id), { timeout: 40_000, interval: 100 });
  const inFlex = flex.contactLinesOf(element).map(({ resourceId }) => resourceId);
  expect(inFlex.sort()).toEqual(people.map(({ resource }) => resource));
  drain.kill("SIGTERM");
  expect(await drain.ended).toBe(0);
});

async function isSynced(sql: Sql, id: string): Promise<boolean> {
  const [row] = await sql`select condition from flex_sync.crew_call_status where crew_call_id = ${id}`.catch(
    () => [],
  );
  return row?.condition === "synced";
}
