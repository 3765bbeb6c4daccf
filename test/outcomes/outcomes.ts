import { expect } from "vitest";
import { setStage } from "../drainer/stage.ts";
import { type Effect, followsOf, LOST } from "./follows.ts";
import { keepHistory, type Outcome, strike } from "./strike.ts";
import type { Class, RouteName, Row } from "./table.ts";

/** Let every one of these calls see what the row says, and compare with what the contract says follows. */
export async function expectRow({ seen, how, is }: Row, routes: RouteName[]): Promise<void> {
  const stage = await setStage({ roleCell: "id-name" });
  await keepHistory(stage);
  const plain = stage.drainer();
  const came: Record<string, Outcome> = {};
  const follows: Record<string, Outcome> = {};
  for (const route of routes) {
    for (const effect of effectsOf(route, is[route], how.in)) {
      const name = `${route}, ${effect}`;
      const outcome = await strike(stage, plain, { route, how, effect });
      came[name] = outcome;
      const { path, says, sends, ends = "synced" } = followsOf(route, is[route], seen, effect);
      // What landed may be found at once, without waiting: then it is in sync already.
      const saysNow = effect === "landed" && outcome.says === "synced" ? "synced" : says;
      follows[name] = {
        path,
        says: saysNow,
        // What was unanswered elsewhere never came to Flex.
        sends: how.in === "elsewhere" && path === LOST ? sends - 1 : sends,
        ends,
        outcome: OUTCOME[is[route]] ?? is[route],
        told: "",
        attempts: route === "list" || route === "identity" ? 0 : (ATTEMPTS[path] ?? 1),
        asked: "synced",
      };
    }
  }
  expect(came).toEqual(follows);
}

/** The identity's answer is not the call's outcome. */
const OUTCOME: Partial<Record<Class, string>> = {
  gone: "done",
  unclear: "done",
  "unclear unauthorized": "unauthorized",
};

/** Only what may have been executed is an attempt. */
const ATTEMPTS: Record<string, number> = { [LOST]: 2, "sending cancelled": 0 };

/** A write that nobody knows of was done or not; what Flex says that it did, it did. */
function effectsOf(route: RouteName, is: Class, place: string): Effect[] {
  const isWrite = route === "add" || route === "set_role" || route === "remove";
  if (isWrite && is === "done") return ["landed"];
  return isWrite && is === "unknown" && place === "flex" ? ["lost", "landed"] : ["lost"];
}
