import type { History, Step } from "./history.ts";
import type { Violation } from "./oracle.ts";

/** Says what is wrong with a history. */
export type Judge = (history: History) => Promise<Violation[]>;

/**
 * Cut a failing history down while it goes on failing in the same way: leave out ever smaller stretches of steps, then
 * make what is left smaller. The order of things is drawn anew by each step, so that what stays keeps its meaning.
 *
 * @param patience how many histories may be tried
 */
export async function shrink(failing: History, judge: Judge, patience = 300): Promise<History> {
  const wanted = signatureOf(await judge(failing));
  if (wanted === null) return failing;
  let smallest = failing;
  let tries = 0;
  const attempt = async (steps: Step[]): Promise<boolean> => {
    if (tries >= patience) return false;
    tries += 1;
    const history = { ...smallest, steps };
    if (signatureOf(await judge(history)) !== wanted) return false;
    smallest = history;
    return true;
  };

  for (let stretch = Math.ceil(smallest.steps.length / 2); stretch >= 1; stretch = Math.floor(stretch / 2)) {
    for (let from = 0; from < smallest.steps.length; ) {
      const without = smallest.steps.toSpliced(from, stretch);
      if (!(await attempt(without))) from += stretch;
    }
  }
  for (let index = 0; index < smallest.steps.length; index++) {
    for (
      let smaller = makeSmaller(smallest.steps[index]);
      smaller;
      smaller = makeSmaller(smallest.steps[index])
    ) {
      if (!(await attempt(smallest.steps.with(index, smaller)))) break;
    }
  }
  return smallest;
}

function makeSmaller(step: Step | undefined): Step | null {
  if (step?.do === "drain" && step.events > 1) return { ...step, events: Math.floor(step.events / 2) };
  if (step?.do === "drain" && step.drainers > 1) return { ...step, drainers: step.drainers - 1 };
  if (step?.do === "click" && step.times > 1) return { ...step, times: 1 };
  if (step?.do === "fault" && step.times > 1) return { ...step, times: 1 };
  return null;
}

/** The first thing that is wrong, without the ids and times that every cut changes. */
function signatureOf([first]: Violation[]): string | null {
  return first ? `${first.kind} ${first.text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|[\d:.]+/g, "#")}` : null;
}
