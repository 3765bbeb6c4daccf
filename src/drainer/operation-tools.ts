import type { FlexCaller } from "../flex-caller.ts";
import type { Queue } from "./queue.ts";
import type { RecordTogether } from "./record-together.ts";
import type { Recorder } from "./recorder.ts";
import type { SendGate } from "./send-gate.ts";

/** What performing one operation needs. */
export type OperationTools = {
  queue: Queue;
  caller: FlexCaller;
  record: Recorder;
  recordTogether: RecordTogether;
  gate: SendGate;
};

/** What one operation came to, for the log. */
export type OperationReport = { outcome: string; http_status: number | null; error?: string };
