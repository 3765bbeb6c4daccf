import type { Rows } from "../postgres/snapshots.ts";

/** A line of the element in Flex. There is one resource, one person, one element. */
export interface Line {
  id: string;
}

/** What one drainer holds. Bytes leave no later than the deadline; what left may take effect until `landsBefore`. */
export interface Held {
  operation: string;
  token: string;
  kind: "observe" | "add" | "remove";
  /** The line to remove, or the one that Flex made. */
  line: string | null;
  /** Microseconds on the database's clock. */
  deadline: number;
  landsBefore: number;
  /** `claimed`, then `acted` (Flex did it, or answered the list), then perhaps `identity` (that is asked too). */
  phase: "claimed" | "acted" | "identity";
  /** What Flex answered to an observe. */
  lines: Line[];
}

/** A write that was sent and given up, and may still take effect. */
export interface Transit {
  kind: "add" | "remove";
  line: string | null;
  landsBefore: number;
}

/** How often each thing that nobody can plan for may still happen. */
export interface Left {
  requests: number;
  /** An answer is lost: the drainer reports that nobody knows. */
  lostAnswers: number;
  /** A drainer is killed, or sleeps for ever. */
  deaths: number;
  /** Time passes although somebody has something to do. */
  stalls: number;
  /** A write takes effect after its deadline plus late_landing, which breaks what Flex is assumed to do. */
  overdue: number;
  /** Somebody deletes the line in Flex. */
  deletions: number;
  /** The person is taken off the job, and put back. */
  removals: number;
  returns: number;
}

export interface State {
  rows: Rows;
  /** Microseconds: the database's clock. */
  now: number;
  /** The element in Flex; `made` names the next line. */
  flex: { lines: Line[]; made: number; transit: Transit[] };
  drainers: (Held | null)[];
  left: Left;
  /** The job says that the person should be there. */
  desired: boolean;
  /** Something changed that only a further request has to notice. */
  unasked: boolean;
  /** Lines beyond the first that an overdue landing explains. */
  explained: number;
  /** The person was not desired at some time. */
  wasOff: boolean;
}

export const JOB = "10000000-0000-4000-8000-000000000001";
export const PERSON = "20000000-0000-4000-8000-000000000001";
export const RESOURCE = "30000000-0000-4000-8000-000000000001";
export const CREW_CALL = "50000000-0000-4000-8000-000000000001";
export const ELEMENT = "60000000-0000-4000-8000-000000000001";

/** Ids of lines in the order in which Flex made them. */
export const lineId = (number: number) => `70000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** Seconds; chosen so that no two sums of them coincide. */
export const SETTINGS = { lease: 31, deadline: 15, lateLanding: 27, confirmAfter: 2, maxReadingAge: 61 };

export const SECOND = 1_000_000;

/** Microseconds of a time as Postgres writes it. */
export function microseconds(time: unknown): number {
  const [, fraction = ""] = /\.(\d+)/.exec(String(time)) ?? [];
  return Math.floor(Date.parse(String(time)) / 1000) * SECOND + Number(fraction.padEnd(6, "0").slice(0, 6));
}

export function timestamp(us: number): string {
  const second = new Date(Math.floor(us / SECOND) * 1000).toISOString().slice(0, 19);
  return `${second}.${String(us % SECOND).padStart(6, "0")}+00:00`;
}
