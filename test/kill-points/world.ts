import type { Sql } from "postgres";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { createDatabase } from "../postgres/database.ts";
import { watchCommits } from "./at-commit.ts";
import type { KillCase } from "./cases.ts";
import { makeCrew } from "./crew.ts";
import { neverAnswers } from "./faults.ts";
import { once, type Reached } from "./reached.ts";
import { type DrainerSettings, type WatchedDrainer, watchedDrainer } from "./watched-drainer.ts";
import { openWayToFlex } from "./way-to-flex.ts";
import { makeWitness, type Witness } from "./witness.ts";

/** A database with one crew call, a Flex, and the way between them, where a witness stands. */
export type World = AsyncDisposable & {
  sql: Sql;
  url: string;
  flex: Simulator;
  witness: Witness;
  settings: DrainerSettings;
  /** A drainer to which nothing happens; it ends with the world. */
  drainer(): WatchedDrainer;
  /** Told before the database's clock moves: what Flex keeps back takes effect in time. */
  beforeTimePasses(until: string): Promise<void>;
  /** From now on, what is on the way comes by points too; the bytes of the request struck there may be lost. */
  onTheWay(wanted: Pick<KillCase, "point" | "kind" | "nth">, strike: () => void): void;
};

/** Longer than any answer takes on a busy machine, and what a test can wait for where no answer comes. */
const TIMEOUT_MS = 10_000;
const SHORT_TIMEOUT_MS = 1_500;

export async function openWorld({
  fault,
  lateEffect,
}: Pick<KillCase, "fault" | "lateEffect">): Promise<World> {
  const { sql, url, drop } = await createDatabase();
  const flex = await startSimulator({ limits: false, roleCell: "bare-id" });
  const witness = makeWitness(flex);
  let reached: Reached = () => {};
  let struck = false;
  const way = await openWayToFlex(flex, {
    arrives(request) {
      struck = false;
      void reached("bytes lost on the way", request.kind);
      if (!struck) witness.see(request);
      return !struck;
    },
    answered: ({ kind }) => void reached("after Flex acted", kind),
  });
  const settings = {
    databaseUrl: url,
    baseUrl: way.baseUrl,
    token: flex.token,
    timeoutMs: neverAnswers(fault) ? SHORT_TIMEOUT_MS : TIMEOUT_MS,
  };
  const drainers: WatchedDrainer[] = [];
  await watchCommits(sql);
  await makeCrew(sql, flex);
  await sql`update flex_sync.settings set monthly_limit = 10000000`;
  return {
    sql,
    url,
    flex,
    witness,
    settings,
    drainer() {
      const drainer = watchedDrainer(settings, () => {});
      drainers.push(drainer);
      return drainer;
    },
    async beforeTimePasses(until) {
      const [ending] = await sql`
        select from flex_sync.calls, flex_sync.settings
        where calls.kind in ('add', 'set_role', 'remove')
          and calls.deadline + settings.late_landing <= ${until}::text::timestamptz`;
      if (lateEffect === "soon" || ending) flex.applyLate();
    },
    onTheWay(wanted, strike) {
      reached = once(wanted, () => {
        struck = true;
        strike();
      });
    },
    async [Symbol.asyncDispose]() {
      for (const drainer of drainers) await drainer.close();
      await way.close();
      await flex.stop();
      await drop();
    },
  };
}
