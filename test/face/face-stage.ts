import { request } from "node:http";
import { onTestFinished } from "vitest";
import type { Log } from "../../src/drainer/log.ts";
import type { FaceSettings } from "../../src/face/face-settings.ts";
import { type Face, startFace } from "../../src/face/start-face.ts";

export type Answered = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
};

export type StartedFace = Face & {
  /** Asks with exactly these headers, as no browser could be made to. */
  ask(path: string, options?: AskOptions): Promise<Answered>;
  logged: { level: string; fields: object; message: string }[];
  stop: AbortController;
};

export type AskOptions = { method?: string; headers?: Record<string, string>; body?: string };

export const TOKEN = "a-status-token-of-a-test";

/** The daemon's face alone, without a drainer behind it; it ends with the test. */
export async function startTestFace(
  databaseUrl: string,
  settings: Partial<FaceSettings> = {},
): Promise<StartedFace> {
  const logged: StartedFace["logged"] = [];
  const stop = new AbortController();
  const face = await startFace({
    settings: { port: 0, host: "127.0.0.1", statusToken: undefined, actions: false, ...settings },
    databaseUrl,
    log: remember(logged),
    signal: stop.signal,
  });
  onTestFinished(face.close);
  return { ...face, logged, stop, ask: (path, options) => ask(new URL(face.url), { ...options, path }) };
}

export function ask(
  url: URL,
  { method = "GET", headers = {}, body, path = url.pathname }: AskOptions & { path?: string } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

export const bearer = { authorization: `Bearer ${TOKEN}` };

function remember(logged: StartedFace["logged"]): Log {
  const at = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, fields, message });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
