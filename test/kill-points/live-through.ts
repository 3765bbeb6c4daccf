import { holdAtCommit } from "./at-commit.ts";
import { askUntilRight, drainToTheEnd, requestSync } from "./carry-on.ts";
import type { KillCase } from "./cases.ts";
import { bringAbout } from "./circumstances.ts";
import { mayNeedAnotherRequest } from "./faults.ts";
import { whatIsLeftLocked } from "./judge.ts";
import { OPEN } from "./points.ts";
import type { Victim } from "./victim.ts";
import { openWorld, type World } from "./world.ts";

export type Lived = {
  /** Whether the drainer was struck at its point, or came to rest without having come by. */
  happened: boolean;
  wrong: string[];
};

/**
 * Strike a drainer where the case says, let another one carry on, give it all the time it asks for, and look at what
 * came of it.
 */
export async function liveThrough(it: KillCase, startVictim: (world: World) => Victim): Promise<Lived> {
  await using world = await openWorld(it);
  const { sql, witness } = world;
  const victim = startVictim(world);
  try {
    await bringAbout(it, world);
    const happened = await strike(it, world, victim);

    const successor = world.drainer();
    await drainToTheEnd(world, successor);
    const { wrong, asked } = await askUntilRight(world, successor);
    if (asked > 0 && !mayNeedAnotherRequest(it)) wrong.push(`somebody had to ask again, ${asked} times`);
    const writes = witness.writes().length;
    await requestSync(sql);
    await drainToTheEnd(world, successor);
    const more = witness.writes().slice(writes);
    // A deleted line that Flex still shows is deleted once more.
    if (more.length > 0 && it.fault?.kind !== "late-gone")
      wrong.push(`all was right, and written were all the same: ${more}`);
    await successor.close();
    return {
      happened,
      wrong: [...wrong, ...(await witness.complaints(sql)), ...(await whatIsLeftLocked(sql))],
    };
  } catch (error) {
    return { happened: false, wrong: [String(error)] };
  } finally {
    await victim.stop();
  }
}

/** Let it drain until it is struck; in the middle of a transaction, end that one way or the other afterwards. */
async function strike(it: KillCase, world: World, victim: Victim): Promise<boolean> {
  const { point, kind, nth } = it;
  const open = point in OPEN ? OPEN[point as keyof typeof OPEN] : undefined;
  const hold = open && (await holdAtCommit(world.sql, open.moment, kind));
  world.onTheWay(it, victim.strike);
  victim.drain({ ...world.settings, point, kind, nth });
  if (hold) {
    const came = await Promise.race([hold.held, victim.ended.then(() => 0)]);
    if (came > 0) {
      victim.strike();
      await (open.ends === "committed" ? hold.commit() : hold.rollBack());
    }
    await hold.end();
  }
  return (await victim.ended) === "struck";
}
