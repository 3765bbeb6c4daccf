import postgres, { type Sql } from "postgres";
import { messageOf } from "../../drainer/database-error.ts";
import { createWakeUp } from "../../drainer/wake-up.ts";
import type { Cli } from "../cli.ts";
import { databaseSettings } from "../environment.ts";
import { withoutSecrets } from "../secrets.ts";
import { createProgress } from "../terminal/progress.ts";
import type { Requested } from "./request.ts";
import { readSyncStates, type SyncState, type SyncStates } from "./state.ts";
import { describeWait, shareOf } from "./wait-text.ts";

export type WaitOptions = {
  signal: AbortSignal;
  /** Milliseconds; Infinity waits as long as it takes. */
  timeoutMs: number;
};

/** How often to look; a notification looks at once. */
const POLL_MS = 500;
/** A refused token needs a person, unless one has just mended it and a probe is on its way. */
const GRACE_MS = 2_000;
/** A finished sync whose crew call was asked for again meanwhile is followed for so long. */
const FOLLOW_MS = 30_000;

/** Waits until every sync is finished, telling what it waits for; ends early on the signal and the timeout. */
export async function waitForSyncs(
  cli: Cli,
  sql: Sql,
  requested: Requested[],
  { signal, timeoutMs }: WaitOptions,
): Promise<void> {
  const wakeUp = createWakeUp();
  const progress = createProgress(cli.stderr, cli.env);
  const notifications = await listen(cli, wakeUp.wake);
  signal.addEventListener("abort", wakeUp.wake, { once: true });
  const began = performance.now();
  const watch = createWatch();
  try {
    while (!signal.aborted) {
      const waited = performance.now() - began;
      let lost: string | undefined;
      try {
        const now = watch(await readSyncStates(sql, requested), waited);
        if (now.open.length === 0) return;
        progress.show(describeWait(now), shareOf(now));
      } catch (error) {
        lost = withoutSecrets(messageOf(error), cli.env);
        progress.show(`the database does not answer, trying again (the sync goes on meanwhile): ${lost}`);
      }
      if (waited >= timeoutMs) {
        progress.note(
          `stopped waiting after ${timeoutMs / 1000} s; the sync goes on without us. Follow it: ${follow(requested)}`,
        );
        return;
      }
      await wakeUp.sleep(Math.min(POLL_MS, Math.max(timeoutMs - waited, 1)));
    }
    progress.note(`stopped waiting; the sync goes on without us. Follow it: ${follow(requested)}`);
  } finally {
    progress.end();
    await notifications.close();
  }
}

function follow(requested: Requested[]): string {
  const [one, another] = requested.flatMap(({ plan }) => plan?.crew_call_id ?? []);
  return `flex-crew-sync status ${one && !another ? `${one} ` : ""}--watch`;
}

/** What is still waited for, and for how long nothing has moved. */
export type Watched = SyncStates & { open: SyncState[]; stalledMs: number };

function createWatch(): (states: SyncStates, waited: number) => Watched {
  let trace = "";
  let movedAt = 0;
  const since = new Map<string, number>();
  return (found, waited) => {
    const seen = found.states.map(({ work }) => work?.trace).join();
    if (seen !== trace) movedAt = waited;
    trace = seen;
    const open = found.states.filter((state) => !isOver(state, waited, since));
    return { ...found, open, stalledMs: waited - movedAt };
  };
}

/** Whether waiting longer for a crew call is of no use. */
function isOver({ requested, status, sync }: SyncState, waited: number, since: Map<string, number>): boolean {
  if (!requested.plan || !status || !sync) return true;
  const lasted = (what: string) => {
    const key = `${requested.plan.crew_call_id} ${what}`;
    if (!since.has(key)) since.set(key, waited);
    return waited - (since.get(key) ?? waited);
  };
  if (sync.finished_at !== null) {
    return status.condition !== "pending" || !isMoving(status.reason) || lasted("finished") > FOLLOW_MS;
  }
  if (status.condition === "paused") return true;
  return status.reason === "token_refused" && lasted("token_refused") > GRACE_MS;
}

function isMoving(reason: string | null): boolean {
  return ["requested", "queued", "sending", "confirming", "backing_off"].includes(reason ?? "");
}

/** Wakes when a sync ends, where notifications arrive; polling serves where they do not. */
async function listen(cli: Cli, wake: () => void): Promise<{ close(): Promise<void> }> {
  const { databaseUrl, listenDatabaseUrl } = databaseSettings(cli.env);
  const sql = postgres(listenDatabaseUrl ?? databaseUrl, { max: 1, prepare: false, onnotice: () => {} });
  sql.listen("flex_sync_done", wake, wake).catch(() => {});
  return { close: () => sql.end({ timeout: 1 }).catch(() => {}) };
}
