import { sqlstateOf } from "../../src/drainer/database-error.ts";
import { once } from "./reached.ts";
import type { Victim } from "./victim.ts";
import { type WatchedDrainer, watchedDrainer } from "./watched-drainer.ts";
import type { World } from "./world.ts";

/** A drainer of this process that lives on, but all of whose connections to Postgres are terminated at its point. */
export function drainerToCutOff({ sql }: World): Victim {
  let drainer: WatchedDrainer | undefined;
  let cutting: Promise<unknown> | undefined;
  let done = (_: "struck" | "came to rest") => {};
  let failed = (_: unknown) => {};
  const ended = new Promise<"struck" | "came to rest">((resolve, reject) => {
    done = resolve;
    failed = reject;
  });
  ended.catch(() => {});
  const strike = () => {
    cutting ??= sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'flex-crew-sync drain'`.execute();
  };
  return {
    drain({ point, kind, nth, ...settings }) {
      // What comes after in the database waits until they are cut.
      const reached = once({ point, kind, nth }, strike);
      drainer = watchedDrainer(settings, async (...there) => {
        void reached(...there);
        await cutting;
      });
      drainThroughCuts(drainer).then(() => done(cutting ? "struck" : "came to rest"), failed);
    },
    strike,
    ended,
    async stop() {
      await drainer?.close();
    },
  };
}

/** As the daemon does it: a step that failed for want of a connection is made again. */
async function drainThroughCuts(drainer: WatchedDrainer): Promise<void> {
  for (let cuts = 0; cuts < 100; ) {
    try {
      const { claimed, tidied } = await drainer.step();
      if (drainer.inFlight() > 0) await drainer.wakeUp.sleep(1_000);
      else if (claimed === 0 && tidied === 0) return;
    } catch (error) {
      const sqlstate = sqlstateOf(error);
      if (sqlstate !== undefined && sqlstate !== "57P01") throw error;
      cuts += 1;
    }
  }
  throw new Error("the drainer never found its database again");
}
