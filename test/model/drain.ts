import type { ModelDrainer } from "./drainers.ts";
import { seededRandom } from "./random.ts";
import type { Stage } from "./stage.ts";

/** Let drainers work for so many events, in an order that the seed chooses. */
export async function drain(
  stage: Stage,
  order: { drainers: number; events: number; seed: number },
): Promise<void> {
  stage.random = seededRandom(order.seed);
  for (const drainer of stage.drainers) wakeUp(drainer);
  // Mostly what comes later is left for later: other things happen first.
  const until = stage.lab.time.now() + (stage.random.below(5) === 0 ? 60_000 : 2_500);
  for (let event = 0; event < order.events; event++) {
    if (!(await oneEvent(stage, order.drainers, until))) return;
  }
}

function wakeUp(drainer: ModelDrainer): void {
  drainer.restsUntil = 0;
  drainer.emptySteps = 0;
}

/** @returns false when nothing is left to happen soon */
async function oneEvent(stage: Stage, drainers: number, until: number): Promise<boolean> {
  const { lab, random, timeline } = stage;
  const waiting = stage.drainers
    .filter((drainer) => !drainer.frozen)
    .flatMap((drainer) => drainer.statements.map((statement) => ({ drainer, statement })));
  const idle = stage.drainers
    .slice(0, drainers)
    .filter((drainer) => !drainer.frozen && !drainer.stepping && drainer.emptySteps < 2);
  const ready = idle.filter((drainer) => drainer.restsUntil <= lab.time.now());
  const dice = random.next();
  if (waiting.length > 0 && (dice < 0.65 || (ready.length === 0 && timeline.next() === null))) {
    const { drainer, statement } = random.pick(waiting);
    if (random.below(4) === 0) lab.time.moveTo(lab.time.now() + random.below(40));
    await stage.execute(drainer, statement);
    return true;
  }
  if (ready.length > 0 && (dice < 0.85 || timeline.next() === null)) {
    random.pick(ready).beginStep();
    return true;
  }
  const soonest = timeline.next();
  const next = soonest !== null && soonest <= until ? soonest : null;
  const rested = idle.length === 0 ? null : Math.min(...idle.map((drainer) => drainer.restsUntil));
  if (next !== null && (rested === null || next <= rested || dice < 0.95)) {
    await timeline.runNext();
    return true;
  }
  if (rested === null || rested > until) return waiting.length > 0 || ready.length > 0;
  await timeline.runUntil(rested);
  return true;
}

/** Let one drainer work, everything in its order, until nothing is under way and nothing is due now. */
export async function drainUntilQuiet(stage: Stage): Promise<void> {
  const [first] = stage.drainers;
  if (!first) return;
  for (const drainer of stage.drainers) wakeUp(drainer);
  for (let events = 0; events < 2_000; events++) {
    const busy = stage.drainers.find((drainer) => drainer.statements.length > 0);
    const statement = busy?.statements[0];
    if (busy && statement) await stage.execute(busy, statement);
    else if (!first.stepping && first.emptySteps === 0) first.beginStep();
    else if (stage.drainers.some((drainer) => drainer.drainer.inFlight() > 0 || drainer.stepping))
      await stage.timeline.runNext();
    else return;
  }
  stage.memory.violations.push({ kind: "other", text: "the drainers never came to rest" });
}
