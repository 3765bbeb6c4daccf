import { silentLog } from "../drainer/log.ts";
import { startFace } from "../face/start-face.ts";

/** The status page, for this machine, with its buttons; it goes with what it is kept for. */
export async function startPage(databaseUrl: string): Promise<{ url: string } & AsyncDisposable> {
  const face = await startFace({
    settings: { port: 0, host: "127.0.0.1", statusToken: undefined, actions: true },
    databaseUrl,
    log: silentLog,
    signal: new AbortController().signal,
  });
  return { url: face.url, [Symbol.asyncDispose]: face.close };
}
