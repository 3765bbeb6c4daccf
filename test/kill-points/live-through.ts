import { startSimulator } from "../../src/simulator/simulator.ts";
import { createDatabase } from "../postgres/database.ts";
import { type Hold, holdAtCommit, watchCommits } from "./at-commit.ts";
import { askUntilRight, drainToTheEnd, drainUntilRest, requestSync } from "./carry-on.ts";
import type { KillCase } from "./cases.ts";
import { bringAbout } from "./circumstances.ts";
import { makeCrew } from "./crew.ts";
import { mayNeedAnotherRequest, neverAnswers } from "./faults.ts";
import { whatIsLeftLocked } from "./judge.ts";
import { isOpen, OPEN } from "./points.ts";
import { once } from "./reached.ts";
import { startDoomedDrainer } from "./start-doomed-drainer.ts";
import { type DrainerSettings, watchedDrainer } from "./watched-drainer.ts";
import { openWayToFlex, type Passing } from "./way-to-flex.ts";
import { makeWitness } from "./witness.ts";

export type Lived = {
  /** Whether the drainer died at its point, or came to rest without having come by. */
  happened: boolean;
  /** How often somebody had to ask for a sync again until all was right. */
  asked: number;
  wrong: string[];
};

/** Longer than any answer takes on a busy machine, and what a test can wait for where no answer comes. */
const TIMEOUT_MS = 10_000;
const SHORT_TIMEOUT_MS = 400;

/**
 * Let a drainer die as the case says, let another one carry on, give it all the time it asks for, and look at what came
 * of it.
 *
 * @param file the built `doomed-drainer.ts`
 */
export async function liveThrough(it: KillCase, file: string): Promise<Lived> {
  const doomed = startDoomedDrainer(file);
  await using database = await createDatabase();
  const { sql, url } = database;
  const flex = await startSimulator({ limits: false, roleCell: "bare-id" });
  const witness = makeWitness(flex);
  // On the way the doomed drainer's requests and answers are points too.
  const comesBy = (point: "bytes lost on the way" | "after Flex acted") => {
    let comes = false;
    const reached = once(it, () => {
      comes = true;
      doomed.kill();
    });
    return ({ kind }: Passing) => {
      comes = false;
      void reached(point, kind);
      return comes;
    };
  };
  const isLost = comesBy("bytes lost on the way");
  const isAnswered = comesBy("after Flex acted");
  const way = await openWayToFlex(flex, {
    arrives(request) {
      if (isLost(request)) return false;
      witness.see(request);
      return true;
    },
    answered: (request) => void isAnswered(request),
  });
  const settings: DrainerSettings = {
    databaseUrl: url,
    baseUrl: way.baseUrl,
    token: flex.token,
    timeoutMs: neverAnswers(it.fault) ? SHORT_TIMEOUT_MS : TIMEOUT_MS,
  };
  const drainer = () => watchedDrainer(settings, () => {});
  const successor = drainer();
  try {
    await watchCommits(sql);
    await makeCrew(sql, flex);
    await sql`update flex_sync.settings set monthly_limit = 10000000`;
    await bringAbout(it, { sql, flex, helper: drainer });
    const hold = isOpen(it.point) ? await holdAtCommit(sql, OPEN[it.point].moment, it.kind) : undefined;
    doomed.drain({ ...settings, point: it.point, kind: it.kind, nth: it.nth });
    if (hold && isOpen(it.point)) await killInTheMiddle(doomed, hold, OPEN[it.point].ends);
    const happened = (await doomed.ended) === "killed";

    if (it.lateEffect === "soon") flex.applyLate();
    await drainUntilRest(successor);
    flex.applyLate();
    await drainToTheEnd(sql, successor);
    flex.applyLate();
    const { wrong, asked } = await askUntilRight(sql, url, flex, successor);
    const before = witness.writes();
    await requestSync(sql);
    await drainToTheEnd(sql, successor);
    if (witness.writes() > before) wrong.push("all was right, and something was written all the same");
    if (asked > 0 && !mayNeedAnotherRequest(it)) wrong.push(`somebody had to ask again, ${asked} times`);
    await successor.close();
    return {
      happened,
      asked,
      wrong: [...wrong, ...(await witness.complaints(sql)), ...(await whatIsLeftLocked(sql))],
    };
  } catch (error) {
    return { happened: false, asked: 0, wrong: [String(error)] };
  } finally {
    doomed.kill();
    await successor.close();
    await way.close();
    await flex.stop();
  }
}

/** Kill it while its transaction is held, and end the transaction one way or the other. */
async function killInTheMiddle(
  doomed: ReturnType<typeof startDoomedDrainer>,
  hold: Hold,
  ends: "rolled back" | "committed",
): Promise<void> {
  const came = await Promise.race([hold.held, doomed.ended.then(() => 0)]);
  if (came > 0) {
    doomed.kill();
    await doomed.ended;
    await (ends === "committed" ? hold.commit() : hold.rollBack());
  }
  await hold.end();
}
