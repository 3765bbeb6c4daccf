import type { DrainObserver } from "../drainer/observer.ts";

/** Whether the daemon's loop is alive, as far as this process knows. */
export type Vitals = {
  step: DrainObserver["step"];
  /** The daemon ends: it is not ready for anything any more. */
  stop(): void;
  read(): {
    /** Seconds since the last step that the database answered; null before the first. */
    stepSeconds: number | null;
    stopping: boolean;
  };
};

export function createVitals(now: () => number = () => performance.now()): Vitals {
  let steppedAt: number | undefined;
  let stopping = false;
  return {
    step(error) {
      if (error === undefined) steppedAt = now();
    },
    stop() {
      stopping = true;
    },
    read: () => ({
      stepSeconds: steppedAt === undefined ? null : (now() - steppedAt) / 1_000,
      stopping,
    }),
  };
}
