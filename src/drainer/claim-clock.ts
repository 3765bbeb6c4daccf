/** The daemon's two clocks, in milliseconds; only differences are used, so a clock that is wrong by minutes does no harm. */
export type Clocks = {
  /** Keeps counting whatever somebody sets the time to. */
  monotonic: () => number;
  /** Also counts while the machine is suspended. */
  wall: () => number;
};

export const systemClocks: Clocks = { monotonic: () => performance.now(), wall: () => Date.now() };

/** How long ago something was, by whichever clock says more: one of the two may have stood still or been set back. */
export function startStopwatch(clocks: Clocks): () => number {
  const monotonic = clocks.monotonic();
  const wall = clocks.wall();
  return () => Math.max(clocks.monotonic() - monotonic, clocks.wall() - wall);
}

/** A second between the last moment to send and the end of the lease. */
const MARGIN_MS = 1_000;

/**
 * Whether a request of a claim may still begin: within its lease, and within the HTTP deadline that the claim stated,
 * since the database counts late landings from there.
 *
 * @param elapsedMs since before the claim was asked for
 */
export function mayStillSend(elapsedMs: number, leaseMs: number, timeoutMs: number): boolean {
  return elapsedMs < Math.min(leaseMs - MARGIN_MS, timeoutMs);
}
