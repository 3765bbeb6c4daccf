import type { KillCase } from "./cases.ts";
import { type Lived, liveThrough } from "./live-through.ts";
import { KINDS, POINTS } from "./points.ts";
import type { Victim } from "./victim.ts";
import type { World } from "./world.ts";

export type Life = { it: KillCase; lived: Lived };

/** How many cases are under way at once: two cores are busy then. */
const AT_ONCE = 5;

/** Live through all cases, several at once. One that did not happen, on a busy machine, is lived through once more. */
export async function liveThroughAll(
  cases: readonly KillCase[],
  startVictim: (world: World) => Victim,
): Promise<Life[]> {
  const lives: Life[] = [];
  const left = [...cases];
  const liveThroughSome = async () => {
    for (let it = left.shift(); it; it = left.shift()) {
      let lived = await liveThrough(it, startVictim);
      if (!lived.happened && lived.wrong.length === 0) lived = await liveThrough(it, startVictim);
      lives.push({ it, lived });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, liveThroughSome));
  return lives.sort((left, right) => left.it.number - right.it.number);
}

/** In one line what happened, and how often it did at each point of each kind. */
export function summaryOf(what: string, seed: number, first: number, lives: Life[]): string {
  const happened = lives.filter(({ lived }) => lived.happened);
  const never = lives.filter(({ lived }) => !lived.happened);
  const counts = POINTS.map((point) => {
    const there = KINDS.map((kind) => {
      const number = happened.filter(({ it }) => it.point === point && it.kind === kind).length;
      return number > 0 ? `${kind} ${number}` : "";
    });
    return `${point}: ${there.filter((text) => text !== "").join(", ") || "none"}`;
  });
  return [
    `${what}: seed ${seed}, ${lives.length} cases from ${first}`,
    `${happened.length} happened there, ${never.length} never came by`,
    `${lives.filter(({ lived }) => lived.wrong.length > 0).length} went wrong`,
    ...counts,
  ].join("; ");
}

/** What is to be mended, each with how to see it again. */
export function troublesOf(seed: number, lives: Life[]): string[] {
  return lives.flatMap(({ it, lived }) => {
    const troubles = lived.happened ? lived.wrong : ["it never came by", ...lived.wrong];
    if (troubles.length === 0) return [];
    const again = `KILL_SEED=${seed} KILL_FIRST=${it.number} KILL_COUNT=1`;
    return [`${again}: ${troubles.join("; ")} (${JSON.stringify(it)})`];
  });
}
