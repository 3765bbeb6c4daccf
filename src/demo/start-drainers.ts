import { drain } from "../drainer/drain.ts";
import type { Simulator } from "../simulator/simulator.ts";

export type RunningDrainer = {
  name: string;
  /** Rejects when the drainer ends although nobody stopped it. */
  ended: Promise<never>;
  stop(): Promise<void>;
};

/** Start a real drainer: its own connections, its own calls, as `flex-crew-sync drain` does in a process of its own. */
export function startDrainer(name: string, databaseUrl: string, flex: Simulator): RunningDrainer {
  const controller = new AbortController();
  const running = drain({
    databaseUrl,
    flexBaseUrl: flex.baseUrl,
    flexAuthToken: flex.token,
    name,
    signal: controller.signal,
  });
  const ended = running.then(() => new Promise<never>(() => {}));
  ended.catch(() => {});
  return {
    name,
    ended,
    stop: async () => {
      controller.abort();
      await running;
    },
  };
}
