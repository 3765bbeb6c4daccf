import type { Dispatcher } from "undici";
import { handle } from "../../../src/simulator/handlers.ts";
import { LimitCounter } from "../../../src/simulator/limits.ts";
import { DEFAULT_LIMITS, DEFAULT_SETTINGS } from "../../../src/simulator/settings.ts";
import { World } from "../../../src/simulator/world.ts";
import { createDispatcher } from "../../../test/model/exchange.ts";
import type { Timeline } from "../../../test/model/timeline.ts";
import type { VirtualTime } from "../../../test/model/virtual-time.ts";

/** Flex's answers and quotas on a clock that is moved, without a socket. */
export type VirtualFlex = {
  world: World;
  dispatcher: Dispatcher;
  /** When each call came. */
  calls: number[];
  /** Calls that Flex refused because of a quota. */
  refused: number;
  /** Told of every add that took effect. */
  onAdd: (element: string, resource: string) => void;
};

const LATENCY_MS = 150;

export function createVirtualFlex(time: VirtualTime, timeline: Timeline): VirtualFlex {
  let lines = 0;
  let underWay = 0;
  const limits = new LimitCounter(time.now);
  const settings = { ...DEFAULT_SETTINGS };
  const world = new World(settings, () => `70000000-0000-4000-8000-${String(++lines).padStart(12, "0")}`);
  const flex: VirtualFlex = {
    world,
    calls: [],
    refused: 0,
    onAdd: () => {},
    dispatcher: createDispatcher((request, route, client) => {
      timeline.at(time.now(), () => {
        if (!client.start()) return;
        underWay += 1;
        flex.calls.push(time.now());
        const tooMany = limits.take(DEFAULT_LIMITS, underWay);
        if (tooMany) flex.refused += 1;
        timeline.at(time.now() + LATENCY_MS, () => {
          underWay -= 1;
          const handled = tooMany
            ? null
            : handle(route, request, world, settings, { addedAfterReads: 0, deletedAfterReads: 0 });
          handled?.apply?.();
          if (handled?.apply && route.name === "add") flex.onAdd(route.element ?? "", route.resource ?? "");
          const {
            status,
            contentType,
            body,
            headers = {},
          } = tooMany ?? (handled as NonNullable<typeof handled>).reply;
          client.answer(status, contentType, body, headers);
        });
      });
    }),
  };
  return flex;
}

/** The most calls within any stretch of this length. */
export function mostWithin(calls: readonly number[], length: number): number {
  let most = 0;
  for (let first = 0, last = 0; last < calls.length; last += 1) {
    while ((calls[last] as number) - (calls[first] as number) >= length) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
