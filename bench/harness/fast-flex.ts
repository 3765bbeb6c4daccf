import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "./part.ts";
import { forkOnNode24 } from "./processes.ts";

/** A Flex in a process of its own that answers at once; the same for ours and for every peer. */
export type FastFlex = {
  /** Ends in `/f5/api`. */
  baseUrl: string;
  reset(): Promise<void>;
  /**
   * Wait until so many requests came since the reset. Where none comes for a minute, the measurement is void.
   *
   * @param when indices from 0 of the requests whose first byte's time is wanted
   * @returns those times, milliseconds of `now()`
   */
  arrived(count: number, when?: number[]): Promise<number[]>;
  /** How many requests came since the reset. */
  count(): Promise<number>;
  stop(): Promise<void>;
};

const SILENCE_MS = 60_000;

type Reply = { id: number; count: number; times: number[] };

export async function startFastFlex(): Promise<FastFlex> {
  const child = forkOnNode24(new URL("fast-flex-process.ts", import.meta.url), {});
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const open = new Map<number, (reply: Reply) => void>();
  let asked = 0;
  child.on("message", (reply: Reply) => {
    open.get(reply.id)?.(reply);
    open.delete(reply.id);
  });
  const ask = (request: object) =>
    new Promise<Reply>((resolve) => {
      asked += 1;
      open.set(asked, resolve);
      child.send({ ...request, id: asked });
    });
  const soFar = async () => (await ask({ do: "wait", count: 0, when: [] })).count;
  return {
    baseUrl: `http://127.0.0.1:${port}/f5/api`,
    reset: async () => void (await ask({ do: "reset" })),
    async arrived(count, when = []) {
      const enough = ask({ do: "wait", count, when });
      for (let before = -1; ; ) {
        const reply = await Promise.race([enough, sleep(SILENCE_MS, null, { ref: false })]);
        if (reply) return reply.times;
        const came = await soFar();
        check(came > before, `${came} of ${count} requests came, and then none for a minute`);
        before = came;
      }
    },
    count: soFar,
    async stop() {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
