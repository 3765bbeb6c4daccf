import type { OperationReport, OperationTools } from "./operation-tools.ts";
import type { ClaimedOperation, OperationFailure } from "./queue.ts";
import { failureOf, recordFailed } from "./record-failed.ts";

/**
 * Read an element and record the reading. Where the reading raises the question whether the element itself is gone
 * (every recorded line missing, or Flex refuses to list it), its identity is asked too.
 */
export async function performObserve(
  operation: ClaimedOperation,
  tools: OperationTools,
): Promise<OperationReport> {
  const { queue, caller, record } = tools;
  const reading = await caller.readLines(operation.flex_element_id, tools.gate);

  if (reading.class === "done") {
    const { value: lines, status } = reading;
    const answer = await record(() => queue.recordObservation(operation, lines, null, status));
    if (answer !== "identity_needed") return { outcome: answer, http_status: status };
    const identity = await askIdentity(operation, tools);
    if (typeof identity !== "string") return fail(operation, tools, identity);
    return {
      outcome: await record(() => queue.recordObservation(operation, lines, identity, status)),
      http_status: status,
    };
  }

  if (reading.class === "doubtful") {
    return fail(operation, tools, {
      outcome: "doubtful",
      http_status: reading.status,
      error: `${reading.reason}: ${reading.error}`,
    });
  }

  if (reading.class === "refused" && (reading.status === 400 || reading.status === 404)) {
    const identity = await askIdentity(operation, tools);
    if (identity === "gone") {
      return {
        outcome: await record(() => queue.recordObservation(operation, null, "gone", reading.status)),
        http_status: reading.status,
      };
    }
    if (typeof identity !== "string" && identity.outcome !== "unknown")
      return fail(operation, tools, identity);
  }
  return recordFailed(operation, tools, reading);
}

type Presence = "present" | "gone" | "unclear";

/** Ask whether the element exists; a failure instead of an answer is what the whole operation failed with. */
async function askIdentity(
  operation: ClaimedOperation,
  { queue, caller, record, gate }: OperationTools,
): Promise<Presence | OperationFailure> {
  const callNumber = await record(() => queue.claimCall("identity", operation));
  if (callNumber === null) {
    return {
      outcome: "no_budget",
      http_status: null,
      error: "no Flex call is left to ask whether the element exists",
    };
  }
  const identity = await caller.readIdentity(operation.flex_element_id, gate);
  const error = identity.class === "done" ? null : identity.error;
  await record(() => queue.closeCall(callNumber, identity.class, identity.status, error));
  switch (identity.class) {
    case "done":
      return identity.value.presence;
    case "refused":
    case "unauthorized":
    case "doubtful":
    case "refused_for_now":
      return "unclear";
    default:
      return failureOf(identity, gate);
  }
}

async function fail(
  operation: ClaimedOperation,
  { queue, record }: OperationTools,
  failure: OperationFailure,
): Promise<OperationReport> {
  await record(() => queue.recordFailure(operation, failure));
  return failure;
}
