import { onTestFinished } from "vitest";
import { createFlexCaller, type FlexCaller, type FlexCallerOptions } from "../../src/flex-caller.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../src/simulator/simulator.ts";

export const ELEMENT = "253878cc-af31-11df-b8d5-00e08175e43e";
export const ANA = "325d24ef-814a-44e0-aee4-da065d3e9b51";
export const BEN = "83dd63c0-8492-11ee-9ae0-e2999141f70a";
export const ROLE = "2916b300-c515-11ea-a087-2a0a4490a7fb";

export type Running = { flex: Simulator; caller: FlexCaller };

/** A simulator with one element, and a caller for it; both end with the test. */
export async function startFlex(
  options: SimulatorOptions = {},
  callerOptions: Partial<FlexCallerOptions> = {},
): Promise<Running> {
  const flex = await startSimulator(options);
  const caller = createFlexCaller({ baseUrl: flex.baseUrl, token: flex.token, ...callerOptions });
  onTestFinished(async () => {
    await flex.stop();
    await caller.close();
  });
  flex.addElement(ELEMENT);
  return { flex, caller };
}

/** The value of an outcome that is done. */
export function done<T>(outcome: { class: string; value?: T; error?: string }): T {
  if (outcome.class !== "done") throw new Error(`${outcome.class}: ${outcome.error}`);
  return outcome.value as T;
}

/** A request without the caller, for what the caller never sends. */
export async function request(
  flex: Simulator,
  method: string,
  path: string,
  options: { token?: string | null; body?: string; type?: string } = {},
): Promise<{ status: number; text: string; type: string | null }> {
  const { token = flex.token, body, type = "application/json" } = options;
  const response = await fetch(`http://127.0.0.1:${flex.port}${path}`, {
    method,
    redirect: "manual",
    headers: {
      ...(token === null ? {} : { "X-Auth-Token": token }),
      ...(body === undefined ? {} : { "content-type": type }),
    },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
}
