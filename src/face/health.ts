import { sqlstateOf } from "../drainer/database-error.ts";
import { type Answer, json } from "./answer.ts";
import type { WorkState } from "./read-work-state.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Vitals } from "./vitals.ts";

/** Longer than any step takes that ends: a claim, a tick and a probe, each as late as they may be. */
const STEP_WITHIN_S = 150;
/** Work that is due so long is late. */
const LAG_WITHIN_S = 300;
const ANSWER_WITHIN_MS = 3_000;

export type HealthParts = {
  vitals: Vitals;
  workState: (waitMs: number) => Promise<Snapshot<WorkState>>;
};

/** `/healthz`: the process is alive. */
export function healthz(): Answer {
  return json(200, { alive: true });
}

/** `/readyz`: whether work gets done, and if not, what keeps it. It names nothing and nobody: anybody may read it. */
export async function readyz({ vitals, workState }: HealthParts): Promise<Answer> {
  const { stepSeconds, stopping } = vitals.read();
  const drainer = {
    ok: !stopping && stepSeconds !== null && stepSeconds <= STEP_WITHIN_S,
    stopping,
    last_step_seconds: rounded(stepSeconds),
  };
  const checks = await databaseChecks(workState).catch((error: unknown) => ({
    database: { ok: false, error: sqlstateOf(error) ?? "no answer" },
  }));
  const all = { drainer, ...checks };
  const ready = Object.values(all).every(({ ok }) => ok);
  return json(ready ? 200 : 503, { ready, checks: all });
}

async function databaseChecks(workState: HealthParts["workState"]) {
  const { value: state } = await workState(ANSWER_WITHIN_MS);
  return {
    database: { ok: true },
    breaker: {
      ok: state.breaker_reason === null,
      reason: state.breaker_reason,
      open_seconds: rounded(state.breaker_seconds),
    },
    // While an operator paused everything, nothing is late.
    lag: { ok: state.paused || state.lag_seconds <= LAG_WITHIN_S, seconds: rounded(state.lag_seconds) },
    paused: { ok: true, paused: state.paused },
  };
}

function rounded(seconds: number | null): number | null {
  return seconds === null ? null : Math.round(seconds * 10) / 10;
}
