import { expect, test } from "vitest";
import { drainOnce } from "../../src/index.ts";
import { migrate } from "../../src/migrate.ts";
import { committedMigrations } from "../../src/migrations/committed-migrations.ts";
import { ana, ben, dan } from "../crew-call.ts";
import { allMigrations } from "../migrations/tiny-migrations.ts";
import { ask, assign, crewOf, liveWith, makeCall, TIMEOUT_MS, until, type World } from "./in-place.ts";

/** Writes that Flex executed, each with what it was about; nothing may be in it twice. */
function executed({ flex }: World): string[] {
  return flex.calls
    .filter(({ route, applied }) => applied && (route === "add" || route === "remove"))
    .map(({ route, element, resource, line }) => `${route} ${element} ${resource ?? line}`);
}

test.each(committedMigrations().map(({ name }, index) => [name, index + 1] as const))(
  "from %s: data in place, old drainers at work, and nothing happens twice",
  async (_name, count) => {
    const world = await liveWith(committedMigrations().slice(0, count));
    const { sql, url, flex, calls, drainers } = world;

    // Mid-drain: one answer is held back, two were lost, one request nobody has looked at.
    await ask(sql, calls.landed, calls.lost, calls.inFlight, calls.waiting);
    await flex.waitForCalls(1, { route: "add", element: calls.inFlight.element });
    const { applied } = await migrate({ connectionString: url, migrations: allMigrations() });
    expect(applied).toEqual(
      allMigrations()
        .slice(count)
        .map(({ name }) => name),
    );
    flex.release();

    // Old drainers bring everything to its end on the new schema, what is asked for afterwards too.
    for (const call of [calls.landed, calls.lost, calls.inFlight, calls.waiting])
      await until(sql, call, "synced");
    await until(sql, calls.held, "held");
    await until(sql, calls.refused, "failed");
    const [held] =
      await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${calls.held.id}`;
    await sql`select flex_sync.approve_removals(${calls.held.id}, ${held?.plan})`;
    await assign(sql, calls.done, dan);
    const later = await makeCall(sql, flex, [ben]);
    await sql`delete from job_assignments where job_id = ${calls.done.job} and technician_id = ${ana.id}`;
    await ask(sql, calls.held, calls.refused, calls.done, later, calls.old);
    for (const call of [...Object.values(calls), later]) await until(sql, call, "synced");
    // Postgres may end a statement for the update's sake; every drainer tries again.
    const errors = drainers.flatMap((drainer) => drainer.errors);
    expect(errors.filter((error) => !error.includes("deadlock detected"))).toEqual([]);

    // A new drainer beside them finds nothing left to do.
    await drainOnce({
      databaseUrl: url,
      flexBaseUrl: flex.baseUrl,
      flexAuthToken: flex.token,
      timeoutMs: TIMEOUT_MS,
    });

    const crew = Object.entries({ ...calls, later }).map(([name, call]) => [name, crewOf(world, call)]);
    const ids = (...people: (typeof ana)[]) => people.map(({ resource }) => resource).sort();
    expect(Object.fromEntries(crew)).toEqual({
      old: ids(ana, ben),
      done: ids(ben, dan),
      waiting: ids(ana),
      landed: ids(ana),
      lost: ids(ana),
      held: ids(ana),
      refused: ids(ana, dan),
      inFlight: ids(ana, ben),
      later: ids(ben),
    });
    expect(executed(world).filter((write, at, all) => all.indexOf(write) !== at)).toEqual([]);
    const recorded = await sql`
      select crew_call_id, technician_id, count(*) from flex_crew_assignments group by 1, 2 having count(*) > 1`;
    expect([...recorded]).toEqual([]);
    const open =
      await sql`select kind, state from flex_sync.outbox where state in ('pending', 'sending', 'unknown', 'held')`;
    expect([...open]).toEqual([]);
  },
  120_000,
);
