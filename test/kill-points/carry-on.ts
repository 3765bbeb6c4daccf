import type { Sql } from "postgres";
import { moveClock } from "../functions/move-clock.ts";
import { call } from "./crew.ts";
import { whatIsNotRight } from "./judge.ts";
import type { WatchedDrainer } from "./watched-drainer.ts";
import type { World } from "./world.ts";

/** Step until nothing is claimed, in flight or tidied: whatever is left waits for time to pass. */
export async function drainUntilRest(drainer: WatchedDrainer): Promise<void> {
  for (let steps = 0; steps < 1_000; steps += 1) {
    const { claimed, tidied } = await drainer.step();
    if (drainer.inFlight() > 0) await drainer.wakeUp.sleep(1_000);
    else if (claimed === 0 && tidied === 0) return;
  }
  throw new Error("the drainer never came to rest");
}

/** Drain, and move the database's clock to whatever waits for time, until nothing waits within ten minutes. */
export async function drainToTheEnd(world: World, drainer: WatchedDrainer): Promise<void> {
  for (let waits = 0; waits < 100; waits += 1) {
    await drainUntilRest(drainer);
    if (!(await moveOn(world))) return;
  }
  throw new Error("something always waits for time to pass");
}

/** Move the clock to what falls due next; what is due and cannot be claimed waits for a claim to run out. */
export async function moveOn({ sql, beforeTimePasses }: World): Promise<boolean> {
  const [next] = await sql<{ at: string }[]>`
    select at::text
    from flex_sync.next_work_at() as due,
      lateral (select min(outbox.lease_until) from flex_sync.outbox where outbox.state = 'sending') as claims (run_out),
      lateral (select case when due > flex_sync.clock() then due else coalesce(run_out, due) end) as next (at)
    where at < flex_sync.clock() + interval '10 min'`;
  await beforeTimePasses(next?.at ?? "infinity");
  if (!next) return false;
  const [move] = await sql<{ wait: string }[]>`
    select greatest(${next.at}::text::timestamptz - flex_sync.clock(), interval '1 ms')::text as wait`;
  await moveClock(sql, move?.wait ?? "1 ms");
  return true;
}

export async function requestSync(sql: Sql): Promise<void> {
  await sql`select sync_crew_call(${call.id})`;
}

/**
 * What remains wrong after somebody asked again and again, as often as it takes and at most six times.
 *
 * @returns and how often that was
 */
export async function askUntilRight(
  world: World,
  drainer: WatchedDrainer,
): Promise<{ wrong: string[]; asked: number }> {
  for (let asked = 0; ; asked += 1) {
    const wrong = await whatIsNotRight(world);
    if (wrong.length === 0 || asked === 6) return { wrong, asked };
    await requestSync(world.sql);
    await drainToTheEnd(world, drainer);
  }
}
