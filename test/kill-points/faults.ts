import type { FaultAction, When } from "../../src/simulator/faults.ts";
import type { ListTransform } from "../../src/simulator/list-transforms.ts";
import type { Kind, Point } from "./points.ts";

const WHEN: readonly When[] = ["before", "after"];
const STATUSES = [400, 403, 404, 405, 408, 409, 413, 415, 418, 422, 423, 500] as const;
const TRANSFORMS: readonly ListTransform[] = [
  "drop-first",
  "empty",
  "shuffle",
  "duplicate-row",
  "wrapped",
  "row-not-an-object",
  "resource-without-id",
  "not-json",
];

/** What can go wrong with any call. */
const ANY: readonly FaultAction[] = [
  ...WHEN.flatMap((when): FaultAction[] => [
    { kind: "reset", when },
    { kind: "hang", when },
    { kind: "hang-body", when },
    { kind: "truncate", when },
    { kind: "gateway", when, status: 502 },
    { kind: "gateway", when, status: 503 },
    { kind: "gateway", when, status: 504 },
    { kind: "accepted", when },
    { kind: "login-page", when },
    { kind: "redirect", when },
    { kind: "exception-message", when },
    { kind: "success-false", when },
  ]),
  ...STATUSES.map((status): FaultAction => ({ kind: "answer", status, body: { exceptionMessage: "No" } })),
  { kind: "rate-limited" },
  { kind: "rate-limited", retryAfter: "7" },
  { kind: "unauthorized" },
  { kind: "delay", ms: 30 },
];

/** What can go wrong with a write. */
const WRITES: readonly FaultAction[] = [
  { kind: "no-op" },
  { kind: "apply-late", answer: "usual" },
  { kind: "apply-late", answer: "hang" },
  { kind: "apply-late", answer: "reset" },
  { kind: "apply-late", answer: "gateway" },
];

/**
 * The scripted faults that can strike a call of this kind. A line that shows one reading late is as much as is
 * promised to be survived without a second line, so these do not strike twice.
 */
export function faultsOf(kind: Kind): readonly (FaultAction | null)[] {
  switch (kind) {
    case "tick":
      return [null];
    case "observe":
      return [null, ...ANY, ...TRANSFORMS.map((transform): FaultAction => ({ kind: "list", transform }))];
    case "add":
      return [null, ...ANY, ...WRITES, { kind: "late-visible", reads: 1 }];
    case "remove":
      return [null, ...ANY, ...WRITES, { kind: "late-gone", reads: 1 }];
    case "set_role":
      return [null, ...ANY, ...WRITES];
    default:
      return [null, ...ANY];
  }
}

/** Whether a call that is struck by the fault comes by the point at all. */
export function comesBy(point: Point, fault: FaultAction | null): boolean {
  if (fault === null) return true;
  const how = fault.kind === "apply-late" ? (fault.answer ?? "usual") : fault.kind;
  switch (point) {
    case "after Flex acted":
      return how !== "hang";
    case "after the status line":
      return how !== "hang" && how !== "reset";
    case "after the answer":
      return !["hang", "reset", "hang-body", "truncate"].includes(how);
    default:
      return true;
  }
}

/** Whether a drainer has to wait for its deadline because of it. */
export function neverAnswers(fault: FaultAction | null): boolean {
  return (
    fault?.kind === "hang" ||
    fault?.kind === "hang-body" ||
    (fault?.kind === "apply-late" && fault.answer === "hang")
  );
}

/** Statuses with which Flex says that it looked at a request and did nothing. */
const REFUSED: readonly number[] = [400, 403, 404, 405, 413, 415, 422];

/**
 * Whether somebody may have to ask for a sync again before all is right: what Flex refused is not tried again by
 * itself, nor an element that it denied, a line that it only pretended to make is missed by the next reading, and the
 * role of one that it makes later is refused.
 */
export function mayNeedAnotherRequest({ kind, fault }: { kind: Kind; fault: FaultAction | null }): boolean {
  return (
    kind === "user" ||
    fault?.kind === "unauthorized" ||
    fault?.kind === "no-op" ||
    saysDone(fault) ||
    (fault?.kind === "answer" && REFUSED.includes(fault.status))
  );
}

/** Flex says that it did it and takes its time: two readings later it would count as undone by somebody. */
export function saysDone(fault: FaultAction | null): boolean {
  return fault?.kind === "apply-late" && fault.answer === "usual";
}
