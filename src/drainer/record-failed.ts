import type { Failure, Unauthorized } from "../flex-outcome.ts";
import type { OperationReport, OperationTools } from "./operation-tools.ts";
import type { ClaimedOperation, OperationFailure } from "./queue.ts";
import type { SendGate } from "./send-gate.ts";

/** Record an attempt that failed; a 401 is first checked against the token. */
export async function recordFailed(
  operation: ClaimedOperation,
  tools: OperationTools,
  outcome: Failure,
): Promise<OperationReport> {
  const failure =
    outcome.class === "unauthorized"
      ? await judgeUnauthorized(operation, tools, outcome)
      : failureOf(outcome, tools.gate);
  await tools.record(() => tools.queue.recordFailure(operation, failure));
  return failure;
}

/** What the database is told of a failed attempt, by its class. */
export function failureOf(outcome: Exclude<Failure, Unauthorized>, gate: SendGate): OperationFailure {
  const failure = { outcome: outcome.class, http_status: outcome.status, error: outcome.error };
  if (outcome.class === "rate_limited") return { ...failure, retry_after_ms: outcome.retryAfterMs };
  // Not Flex's fault: this process was too late or is stopping, and hands the operation back.
  if (outcome.class === "not_sent" && gate.wasShut()) return { ...failure, outcome: "lease_over" };
  return failure;
}

/**
 * Flex answers 401 for a bad token and for an inaccessible document alike: whether the token works tells which.
 */
async function judgeUnauthorized(
  operation: ClaimedOperation,
  { queue, caller, record, gate }: OperationTools,
  { status, error }: Unauthorized,
): Promise<OperationFailure> {
  const callNumber = await record(() => queue.claimCall("user", operation));
  if (callNumber === null) return { outcome: "no_budget", http_status: status, error };
  const user = await caller.currentUser(gate);
  const userError = user.class === "done" ? null : user.error;
  await record(() => queue.closeCall(callNumber, user.class, user.status, userError));
  switch (user.class) {
    case "done":
      return { outcome: "denied", http_status: status, error };
    case "unauthorized":
      return { outcome: "token_refused", http_status: status, error };
    case "rate_limited":
      return {
        outcome: "rate_limited",
        http_status: user.status,
        error: user.error,
        retry_after_ms: user.retryAfterMs,
      };
    default:
      // The operation itself was not executed; that Flex does not answer now is what there is to say.
      return {
        outcome: gate.wasShut() ? "lease_over" : "not_sent",
        http_status: status,
        error: `${error}; then ${user.error}`,
      };
  }
}
