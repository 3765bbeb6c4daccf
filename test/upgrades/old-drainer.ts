import { openDatabase } from "../../src/drainer/database.ts";
import { createFlexCaller, type FlexCaller } from "../../src/flex-caller.ts";
import type { Failure } from "../../src/flex-outcome.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { type ClaimedOperation, createQueue, type Queue } from "./old-queue.ts";

export type OldDrainer = {
  /** Errors of the database: an old drainer that cannot work any more says so here. */
  errors: string[];
  /** Send nothing more, and wait for what is in flight. */
  stop(): Promise<void>;
};

/** A daemon that knows the database as drainers of 0.1.0 do: it goes on while the schema below it is updated. */
export function startOldDrainer(url: string, flex: Simulator, timeoutMs: number): OldDrainer {
  const database = openDatabase(url);
  const caller = createFlexCaller({ baseUrl: flex.baseUrl, token: flex.token, timeoutMs });
  const queue = createQueue(database.query, "old", timeoutMs);
  const errors: string[] = [];
  const running = new Set<Promise<void>>();
  let stopping = false;

  async function loop(): Promise<void> {
    while (!stopping) {
      try {
        await queue.tick();
        for (const operation of await queue.claimOperations(8)) {
          const work = perform(operation, queue, caller).catch(
            (error: unknown) => void errors.push(String(error)),
          );
          running.add(work);
          void work.finally(() => running.delete(work));
        }
        await queue.msUntilNextWork();
        await queue.msUntilSyncGoesOn();
        const probe = await queue.claimProbe();
        if (probe !== null) await queue.recordProbe(probe, (await caller.currentUser()).class, {});
      } catch (error) {
        errors.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const ended = loop();
  return {
    errors,
    async stop() {
      stopping = true;
      await ended;
      await Promise.all(running);
      await Promise.all([caller.close(), database.close()]);
    },
  };
}

async function perform(operation: ClaimedOperation, queue: Queue, caller: FlexCaller): Promise<void> {
  const { flex_element_id: element, flex_line_item_id: line, flex_resource_id, flex_role_id } = operation;
  switch (operation.kind) {
    case "observe": {
      const reading = await caller.readLines(element);
      if (reading.class === "doubtful")
        return fail(operation, queue, reading.status, reading.error, "doubtful");
      if (reading.class !== "done") return failed(operation, queue, reading);
      const answer = await queue.recordObservation(operation, reading.value, null, reading.status);
      if (answer !== "identity_needed") return;
      const number = await queue.claimCall("identity", operation);
      const identity = await caller.readIdentity(element);
      if (number !== null) await queue.closeCall(number, identity.class, identity.status, null);
      const presence = identity.class === "done" ? identity.value.presence : "unclear";
      await queue.recordObservation(operation, reading.value, presence, reading.status);
      return;
    }
    case "add": {
      const added = await caller.addResource(element, flex_resource_id ?? "");
      if (added.class !== "done") return failed(operation, queue, added);
      await queue.recordAdd(operation, added.value.lineItemId, added.value.alsoAdded, added.status);
      return;
    }
    case "set_role": {
      const set = await caller.setBusinessRole(element, line ?? "", flex_role_id ?? "");
      if (set.class !== "done") return failed(operation, queue, set);
      await queue.recordSetRole(operation, set.status);
      return;
    }
    case "remove": {
      const removed = await caller.removeLine(line ?? "");
      if (removed.class !== "done") return failed(operation, queue, removed);
      await queue.recordRemove(operation, removed.status);
    }
  }
}

async function failed(operation: ClaimedOperation, queue: Queue, outcome: Failure): Promise<void> {
  if (outcome.class === "unauthorized") throw new Error("the simulated Flex refused the token");
  await fail(operation, queue, outcome.status, outcome.error, outcome.class);
}

async function fail(
  operation: ClaimedOperation,
  queue: Queue,
  http_status: number | null,
  error: string,
  outcome: Parameters<Queue["recordFailure"]>[1]["outcome"],
): Promise<void> {
  await queue.recordFailure(operation, { outcome, http_status, error });
}
