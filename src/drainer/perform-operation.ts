import type { WriteOutcome } from "../flex-outcome.ts";
import type { OperationReport, OperationTools } from "./operation-tools.ts";
import { performObserve } from "./perform-observe.ts";
import type { ClaimedOperation } from "./queue.ts";
import { recordFailed } from "./record-failed.ts";

/**
 * Make one claimed operation's Flex call and record what became of it, whatever that is. Deciding is the database's
 * business: nothing is retried here.
 */
export async function performOperation(
  operation: ClaimedOperation,
  tools: OperationTools,
): Promise<OperationReport> {
  switch (operation.kind) {
    case "observe":
      return performObserve(operation, tools);
    case "add": {
      const outcome = await tools.caller.addResource(
        operation.flex_element_id,
        named(operation, "flex_resource_id"),
        tools.gate,
      );
      const line = outcome.class === "done" ? outcome.value : undefined;
      // Further lines that Flex made of its own accord are out of the ordinary.
      const together = line?.alsoAdded.length === 0 ? line.lineItemId : undefined;
      return settle(operation, tools, outcome, together, ({ lineItemId, alsoAdded }, status) =>
        tools.queue.recordAdd(operation, lineItemId, alsoAdded, status),
      );
    }
    case "set_role": {
      const outcome = await tools.caller.setBusinessRole(
        operation.flex_element_id,
        named(operation, "flex_line_item_id"),
        named(operation, "flex_role_id"),
        tools.gate,
      );
      return settle(operation, tools, outcome, null, (_, status) =>
        tools.queue.recordSetRole(operation, status),
      );
    }
    case "remove": {
      const outcome = await tools.caller.removeLine(named(operation, "flex_line_item_id"), tools.gate);
      return settle(operation, tools, outcome, null, (_, status) =>
        tools.queue.recordRemove(operation, status),
      );
    }
  }
}

/**
 * Record a write's outcome: done together with others or by its own function, everything else as a failure of its class.
 *
 * @param together the new line of an add, null for another kind; undefined is out of the ordinary and goes alone
 */
async function settle<T>(
  operation: ClaimedOperation,
  tools: OperationTools,
  outcome: WriteOutcome<T>,
  together: string | null | undefined,
  recordDone: (value: T, status: number) => Promise<string>,
): Promise<OperationReport> {
  if (outcome.class === "done") {
    const { status } = outcome;
    const alone = () => tools.record(() => recordDone(outcome.value, status));
    const answer =
      together === undefined
        ? await alone()
        : await tools.recordTogether({ operation, lineItemId: together, status }, alone);
    return { outcome: answer === "recorded" ? "done" : answer, http_status: status };
  }
  return recordFailed(operation, tools, outcome);
}

function named(
  operation: ClaimedOperation,
  column: "flex_resource_id" | "flex_line_item_id" | "flex_role_id",
): string {
  const value = operation[column];
  // Constraints of the outbox keep this from happening; an empty id would never be sent either.
  return value ?? "";
}
