import type { FlexCaller } from "../flex-caller.ts";
import type { Queue } from "./queue.ts";

/** Whoever measures a daemon is told of these things, as they end; what it throws ends the daemon. */
export type DrainObserver = {
  /** A Flex call: its method of the caller, the class of its outcome, milliseconds with the wait for a connection. */
  flexCall(call: string, outcome: string, ms: number): void;
  /** A function of the queue, and whether the database answered it. */
  queueCall(name: string, answered: boolean, ms: number): void;
  /** The loop made a step, or could not, and why. */
  step(error?: string): void;
};

/** The caller, each call told to the observer. */
export function observedCaller(caller: FlexCaller, { flexCall }: DrainObserver): FlexCaller {
  const { close, ...calls } = caller;
  const observed = observe(calls, (name, outcome, ms) => {
    flexCall(name, (outcome as { class: string } | undefined)?.class ?? "unknown", ms);
  });
  return { ...observed, close };
}

/** The queue, each function told to the observer. */
export function observedQueue(queue: Queue, { queueCall }: DrainObserver): Queue {
  return observe(queue, (name, _, ms, ended) => queueCall(name, ended, ms));
}

type Told = (name: string, result: unknown, ms: number, ended: boolean) => void;

function observe<T extends Record<string, (...values: never[]) => Promise<unknown>>>(
  functions: T,
  tell: Told,
): T {
  const observed = Object.entries(functions).map(([name, run]) => {
    const timed = async (...values: never[]): Promise<unknown> => {
      const begin = performance.now();
      try {
        const result = await run(...values);
        tell(name, result, performance.now() - begin, true);
        return result;
      } catch (error) {
        tell(name, undefined, performance.now() - begin, false);
        throw error;
      }
    };
    return [name, timed] as const;
  });
  return Object.fromEntries(observed) as T;
}
