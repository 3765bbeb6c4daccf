import type { IncomingMessage, ServerResponse } from "node:http";
import { mayPass, messageOf, sqlstateOf } from "../drainer/database-error.ts";
import type { Log } from "../drainer/log.ts";
import { isFromOurPage, mayRead, type Reader, type Refusal } from "./access.ts";
import { type Answer, plain } from "./answer.ts";
import type { FaceSettings } from "./face-settings.ts";
import { unavailable } from "./refuse.ts";
import { type Exchange, findRoute, type Route } from "./routes.ts";
import type { Sessions } from "./session.ts";

export type ServeParts = {
  routes: readonly Route[];
  settings: FaceSettings;
  sessions: Sessions;
  log: Log;
  /** What somebody gets who is not let in. */
  refuse: (refusal: Refusal, exchange: Exchange) => Answer;
};

const LONGEST_FORM = 8_192;

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  // Not "no-referrer": browsers would then hide from us, too, that a form comes from our own page.
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/** Answers one request, whatever happens. */
export async function serve(
  parts: ServeParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await answerTo(parts, request).catch((error: unknown) => {
    const path = request.url?.split("?")[0];
    parts.log.error({ error: messageOf(error), code: sqlstateOf(error), path }, "a page could not be shown");
    return mayPass(error) ? unavailable() : plain(500, "Something went wrong; the daemon's log says what.");
  });
  response.writeHead(answer.status, {
    ...HEADERS,
    "Content-Type": answer.type,
    "Content-Length": Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}

async function answerTo(parts: ServeParts, request: IncomingMessage): Promise<Answer> {
  const { method = "GET", headers, url: target = "/" } = request;
  const base = "http://host.invalid";
  if (!target.startsWith("/") || !URL.canParse(target, base)) return plain(400, "That is no path.");
  const url = new URL(target.replace(/^\/+/, "/"), base);
  const found = findRoute(parts.routes, method, url.pathname);
  if (found === null) return plain(404, "There is no such page.");
  if (Array.isArray(found)) return plain(405, "Not with this method.", { Allow: found.join(", ") });

  const { route, params } = found;
  const exchange: Exchange = { url, headers, params, form: new URLSearchParams() };
  let reader: Reader | undefined;
  if (route.access === "reader") {
    const admitted = mayRead(headers, parts.settings, parts.sessions);
    if (typeof admitted === "string") return parts.refuse(admitted, exchange);
    reader = admitted;
  }
  if (route.method === "POST") {
    // A page elsewhere cannot make a browser send the token, only the cookie.
    if (reader?.by !== "token" && !isFromOurPage(headers))
      return plain(403, "That did not come from this page.");
    const form = await readForm(request);
    if (form === null) return plain(413, "That is too much.");
    exchange.form = form;
  }
  if (route.access === "open") return route.handle(exchange);
  return route.handle(exchange, reader as Reader);
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | null> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > LONGEST_FORM) return null;
  }
  return new URLSearchParams(text);
}
