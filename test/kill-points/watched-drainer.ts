import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Pool } from "undici";
import { openDatabase } from "../../src/drainer/database.ts";
import { createDrainer, type Drainer } from "../../src/drainer/drainer.ts";
import { silentLog } from "../../src/drainer/log.ts";
import { createQueue } from "../../src/drainer/queue.ts";
import { createWakeUp, type WakeUp } from "../../src/drainer/wake-up.ts";
import { createFlexCaller } from "../../src/flex-caller.ts";
import type { Reached } from "./reached.ts";
import { kindOfRequest, watchAnswers, watchCaller } from "./watch-calls.ts";
import { watchQuery } from "./watch-query.ts";

export type DrainerSettings = { databaseUrl: string; baseUrl: string; token: string; timeoutMs: number };

export type WatchedDrainer = Drainer & { wakeUp: WakeUp; close(): Promise<void> };

/**
 * A drainer that says what it comes by: the daemon's own parts, watched at the seams they have anyway, its queries, its
 * calls and the dispatcher below them.
 */
export function watchedDrainer(settings: DrainerSettings, reached: Reached): WatchedDrainer {
  const { databaseUrl, baseUrl, token, timeoutMs } = settings;
  const { origin } = new URL(baseUrl);
  const pool = new Pool(origin, { connections: 30 });
  const dispatcher = pool.compose(watchAnswers(reached));
  const sent = (message: unknown) => {
    const { request } = message as { request: { origin: string; method: string; path: string } };
    if (request.origin === origin) void reached("after the bytes left", kindOfRequest(request));
  };
  subscribe("undici:request:bodySent", sent);
  const caller = createFlexCaller({ baseUrl, token, timeoutMs, dispatcher });
  const database = openDatabase(databaseUrl);
  const queue = createQueue(watchQuery(database.query, reached), "doomed", timeoutMs);
  const wakeUp = createWakeUp();
  const drainer = createDrainer({
    queue,
    caller: watchCaller(caller, reached),
    wakeUp,
    log: silentLog,
    timeoutMs,
  });
  return {
    ...drainer,
    wakeUp,
    async close() {
      drainer.stop();
      await drainer.settled();
      unsubscribe("undici:request:bodySent", sent);
      await caller.close();
      await pool.destroy();
      await database.close();
    },
  };
}
