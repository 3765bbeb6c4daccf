import type { Connections } from "./connect-to.ts";

/** Connections that run one statement each at a time. */
export type Lanes = {
  /** Runs a statement on the first free connection, opens one more for it, or waits for one. */
  lend<T>(run: (lane: Connections) => PromiseLike<T>): Promise<T>;
  /** Cuts them all, after waiting this long for what is under way. */
  cut(afterMs?: number): Promise<void>;
};

/** So many are opened at once, and each further one when nothing became free for a while. */
const AT_ONCE = 3;
const PATIENCE_MS = 25;

/**
 * As few connections as the work keeps busy: each plans its statements anew, which costs more than many of them take.
 * More are opened only where statements wait for locks of somebody else's, so that the others go on.
 */
export function createLanes(open: () => Connections, most: number): Lanes {
  type Lane = { connections: Connections; busy: boolean };
  const lanes: Lane[] = [];
  const waiting: ((lane: Lane) => void)[] = [];
  let patience: NodeJS.Timeout | undefined;
  let over = false;

  const openOne = (): Lane => {
    const lane = { connections: open(), busy: true };
    lanes.push(lane);
    return lane;
  };
  // A URL that cannot be read is known at once.
  openOne().busy = false;

  function beginPatience(): void {
    clearTimeout(patience);
    if (over || waiting.length === 0 || lanes.length === most) return;
    patience = setTimeout(() => {
      waiting.shift()?.(openOne());
      beginPatience();
    }, PATIENCE_MS);
  }

  function take(): Lane | Promise<Lane> {
    // The first ones are used most: their plans are there.
    const free = lanes.find(({ busy }) => !busy);
    if (free) {
      free.busy = true;
      return free;
    }
    if (lanes.length < Math.min(AT_ONCE, most)) return openOne();
    return new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) beginPatience();
    });
  }

  function giveBack(lane: Lane): void {
    const next = waiting.shift();
    if (next) next(lane);
    else lane.busy = false;
    beginPatience();
  }

  return {
    async lend(run) {
      const lane = await take();
      try {
        return await run(lane.connections);
      } finally {
        giveBack(lane);
      }
    },
    async cut(afterMs) {
      over = true;
      clearTimeout(patience);
      await Promise.all(lanes.map(({ connections }) => connections.cut(afterMs)));
    },
  };
}
