import type { FlexCaller, FlexHooks } from "../flex-caller.ts";
import type { Queue } from "./queue.ts";

/** Wraps the recording of an outcome, which must survive a database that goes away for a while. */
export type Recorder = <T>(record: () => Promise<T>) => Promise<T>;

/** What performing one operation needs. */
export type OperationTools = {
  queue: Queue;
  caller: FlexCaller;
  record: Recorder;
  hooks: FlexHooks;
};

/** What one operation came to, for the log. */
export type OperationReport = { outcome: string; http_status: number | null; error?: string };
