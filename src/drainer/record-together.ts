import { isInTheWay, messageOf } from "./database-error.ts";
import type { Log } from "./log.ts";
import type { DoneWrite, Queue } from "./queue.ts";

/** Whether a write was recorded together with others; if not, it has to be recorded by the function of its kind. */
export type RecordTogether = (write: DoneWrite) => Promise<boolean>;

/** Writes that one statement records at most. */
const MOST = 100;

/**
 * Writes that end while others are being recorded, or at the same moment, are recorded in one transaction: the busier,
 * the more share one commit. A write alone goes alone, at once. Nothing is waited for and nothing is tried again here:
 * whatever is wrong with one of them, each is then recorded by itself.
 */
export function createRecordTogether(queue: Pick<Queue, "recordDone">, log: Log): RecordTogether {
  type Waiting = { write: DoneWrite; tell: (recorded: boolean) => void };
  let waiting: Waiting[] = [];
  let begun = false;

  async function recordAll(): Promise<void> {
    while (waiting.length > 1) {
      const batch = waiting.slice(0, MOST);
      waiting = waiting.slice(MOST);
      const recorded = await queue.recordDone(batch.map(({ write }) => write)).catch((error: unknown) => {
        if (!isInTheWay(error)) log.debug({ error: messageOf(error) }, "recording outcomes one by one");
        return [];
      });
      const ids = new Set(recorded);
      for (const { write, tell } of batch) tell(ids.has(write.operation.id));
      // What is woken by these claims more, before the next ones are recorded.
    }
    for (const { tell } of waiting) tell(false);
    waiting = [];
    begun = false;
  }

  return (write) =>
    new Promise((tell) => {
      waiting.push({ write, tell });
      if (begun) return;
      begun = true;
      setImmediate(() => void recordAll());
    });
}
