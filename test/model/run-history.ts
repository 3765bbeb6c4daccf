import type { History } from "./history.ts";
import type { Lab } from "./lab.ts";
import { live } from "./live.ts";
import type { Violation } from "./oracle.ts";
import { settle } from "./settle.ts";
import { makeStage } from "./stage.ts";
import { whatsWrong } from "./whats-wrong.ts";

export type Result = { violations: Violation[]; sent: number; log: string[] };

/** Live through a history, let everything settle, and say what is wrong; nothing when Flex and the tables are exactly right. */
export async function runHistory(lab: Lab, history: History): Promise<Result> {
  const stage = await makeStage(lab, history);
  try {
    for (const step of history.steps) {
      await live(stage, step);
      if (stage.memory.violations.length > 0) break;
    }
    if (stage.memory.violations.length === 0) await settle(stage);
    if (stage.memory.violations.length === 0) await whatsWrong(stage);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    stage.memory.violations.push({ kind: "other", text: `a statement was refused: ${code} ${message}` });
  } finally {
    for (const drainer of stage.drainers) drainer.dead = true;
    stage.flex.end();
  }
  return { violations: stage.memory.violations, sent: stage.memory.sent, log: stage.log };
}
