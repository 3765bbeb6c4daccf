import type { Log } from "../drainer/log.ts";
import type { DrainObserver } from "../drainer/observer.ts";
import { actionRoutes } from "./actions.ts";
import { readDirectory } from "./directory.ts";
import { type FaceDatabase, openFaceDatabase } from "./face-database.ts";
import { type FaceSettings, isLoopback } from "./face-settings.ts";
import { healthz, readyz } from "./health.ts";
import { listen } from "./listen.ts";
import { createMetrics } from "./metrics.ts";
import { pageRoutes } from "./page-routes.ts";
import { readMayAct } from "./read-may-act.ts";
import { readMetrics } from "./read-metrics.ts";
import { readOverview } from "./read-overview.ts";
import { readWorkState } from "./read-work-state.ts";
import { refuse } from "./refuse.ts";
import type { Route } from "./routes.ts";
import { serve } from "./serve.ts";
import { createSessions } from "./session.ts";
import { signInRoutes } from "./sign-in.ts";
import { createSnapshot } from "./snapshot.ts";
import { createVitals } from "./vitals.ts";

export type FaceParts = {
  settings: FaceSettings;
  databaseUrl: string;
  log: Log;
  /** Once it is over, the daemon is not ready any more. */
  signal: AbortSignal;
};

/** The daemon's face: health, metrics and the status page over HTTP. */
export type Face = {
  url: string;
  /** To be told what the daemon does. */
  observer: DrainObserver;
  close(): Promise<void>;
};

/** Counting every crew call may take as long as it does with very many of them. */
const COUNT_WITHIN_MS = 60_000;

/** @throws ConfigurationError TAKEN, LISTN, DBURL */
export async function startFace({ settings, databaseUrl, log, signal }: FaceParts): Promise<Face> {
  const database = openFaceDatabase(databaseUrl);
  const vitals = createVitals();
  signal.addEventListener("abort", vitals.stop, { once: true });
  const views = snapshotsOf(database);
  const metrics = createMetrics({ database: views.metrics, directory: views.directory });
  const sessions = createSessions(settings.statusToken);
  const routes: Route[] = [
    ...pageRoutes({ database, settings, sessions, ...views }),
    ...signInRoutes(settings, sessions, log),
    ...actionRoutes({ database, settings, sessions, log }),
    { method: "GET", path: /^\/healthz$/, access: "open", handle: healthz },
    {
      method: "GET",
      path: /^\/readyz$/,
      access: "open",
      handle: () => readyz({ vitals, workState: views.workState }),
    },
    { method: "GET", path: /^\/metrics$/, access: "reader", handle: metrics.scrape },
  ];
  const parts = { routes, settings, sessions, log, refuse };
  try {
    const server = await listen(settings.host, settings.port, (request, response) => {
      void serve(parts, request, response);
    });
    tellWhere(log, server.url, settings);
    return {
      url: server.url,
      observer: {
        ...metrics.observer,
        step(error) {
          vitals.step(error);
          metrics.observer.step(error);
        },
      },
      async close() {
        signal.removeEventListener("abort", vitals.stop);
        await server.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

function snapshotsOf(database: FaceDatabase) {
  return {
    workState: createSnapshot({ read: () => database.read(readWorkState), freshMs: 1_000, oldestMs: 10_000 }),
    metrics: createSnapshot({ read: () => database.read(readMetrics), freshMs: 2_000 }),
    overview: createSnapshot({ read: () => database.read(readOverview), freshMs: 1_000, oldestMs: 10_000 }),
    mayAct: createSnapshot({ read: () => database.read(readMayAct), freshMs: 10_000 }),
    directory: createSnapshot({
      read: () => database.read(readDirectory, COUNT_WITHIN_MS),
      freshMs: 2_000,
      oldestMs: 3_600_000,
    }),
  };
}

function tellWhere(log: Log, url: string, { host, statusToken, actions }: FaceSettings): void {
  log.info({ url, actions }, "serving");
  if (statusToken === undefined && !isLoopback(host)) {
    log.warn(
      { hint: "Set STATUS_TOKEN (openssl rand -hex 24), or HOST to 127.0.0.1." },
      "page and metrics are off: other machines could read them without a token",
    );
  }
}
