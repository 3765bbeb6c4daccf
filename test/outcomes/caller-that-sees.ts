import { Agent, type Dispatcher } from "undici";
import { onTestFinished } from "vitest";
import { createFlexCaller, type FlexCaller } from "../../src/flex-caller.ts";
import { findRoute, type RouteName } from "../../src/simulator/routes.ts";
import type { Stage } from "../drainer/stage.ts";
import type { How } from "./seen.ts";

/** A caller whose first request on this route goes where `how` says, if that is not Flex. */
export async function callerThatSees(
  { flex }: Stage,
  route: RouteName,
  how: How,
  timeoutMs: number,
): Promise<FlexCaller> {
  const agent = new Agent();
  const dispatcher = how.in === "elsewhere" ? detour(agent, route, await how.origin()) : agent;
  const caller = createFlexCaller({ baseUrl: flex.baseUrl, token: flex.token, timeoutMs, dispatcher });
  onTestFinished(async () => {
    await caller.close();
    await agent.destroy();
  });
  return caller;
}

function detour(agent: Agent, route: RouteName, origin: string): Dispatcher {
  let taken = false;
  return agent.compose((dispatch) => (options, handler) => {
    const [path = ""] = options.path.replace(/^\/f5\/api/, "").split("?");
    if (taken || findRoute(options.method, path).name !== route) return dispatch(options, handler);
    taken = true;
    return dispatch({ ...options, origin }, handler);
  });
}
