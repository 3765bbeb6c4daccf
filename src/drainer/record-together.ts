import { isInTheWay, messageOf } from "./database-error.ts";
import type { Log } from "./log.ts";
import type { DoneWrite, Queue } from "./queue.ts";

/** Records a write, with others or by `alone`; answers what that answers. */
export type RecordTogether = (write: DoneWrite, alone: () => Promise<string>) => Promise<string>;

/** Writes that one statement records at most. */
const MOST = 100;
/** How long a write waits for the ones before it: one of them may wait for a lock of the host's. */
const PATIENCE_MS = 25;

/**
 * Writes that end while others are being recorded are recorded in one transaction: the busier, the more share one
 * commit. What ends while nothing is recorded goes at once, with whatever ended in the same instant. Nothing is tried
 * again here: whatever is wrong with one of them, each is then recorded by itself.
 */
export function createRecordTogether(queue: Pick<Queue, "recordDone">, log: Log): RecordTogether {
  const waiting: { write: DoneWrite; tell: (recorded: boolean) => void }[] = [];
  let underWay = 0;
  let patience: NodeJS.Timeout | undefined;

  async function recordWaiting(): Promise<void> {
    clearTimeout(patience);
    patience = undefined;
    const batch = waiting.splice(0, MOST);
    if (batch.length === 0) return;
    underWay += 1;
    const ids = new Set(batch.length === 1 ? [] : await recordBatch(batch.map(({ write }) => write)));
    for (const { write, tell } of batch) tell(ids.has(write.operation.id));
    underWay -= 1;
    await recordWaiting();
  }

  async function recordBatch(writes: DoneWrite[]): Promise<string[]> {
    try {
      return await queue.recordDone(writes);
    } catch (error) {
      if (!isInTheWay(error)) log.debug({ error: messageOf(error) }, "recording outcomes one by one");
      return [];
    }
  }

  function waitForOthers(write: DoneWrite): Promise<boolean> {
    return new Promise((tell) => {
      waiting.push({ write, tell });
      // Answers often come several at a time: whatever else came with this one is heard first.
      if (underWay === 0) setImmediate(() => void recordWaiting());
      else patience ??= setTimeout(() => void recordWaiting(), PATIENCE_MS);
    });
  }

  return async (write, alone) => {
    if (await waitForOthers(write)) return "recorded";
    underWay += 1;
    try {
      return await alone();
    } finally {
      underWay -= 1;
      void recordWaiting();
    }
  };
}
