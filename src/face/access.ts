import type { IncomingHttpHeaders } from "node:http";
import { type FaceSettings, isLoopback } from "./face-settings.ts";
import { isSame, type Session, type Sessions } from "./session.ts";

/** Who asks: by the token itself, by a cookie, or from this machine where no token is set. */
export type Reader = { by: "token" } | { by: "session"; session: Session } | { by: "this machine" };

/** Why somebody is not let in. */
export type Refusal = "sign in" | "wrong token" | "page is off" | "wrong host";

export const COOKIE = "flex_crew_sync_session";

/**
 * Whether a request may read the page. With a token whoever shows it may; without one only a browser or program on this
 * machine that asks for it by a name of this machine: a page elsewhere whose name suddenly leads here does not, and
 * neither does what a proxy passes on.
 */
export function mayRead(
  headers: IncomingHttpHeaders,
  { statusToken, host }: FaceSettings,
  sessions: Sessions,
): Reader | Refusal {
  const session = sessions.read(cookieOf(headers));
  if (statusToken === undefined) {
    if (!isLoopback(host)) return "page is off";
    if (!isLoopback(hostNameOf(headers)) || wasForwarded(headers)) return "wrong host";
    return session ? { by: "session", session } : { by: "this machine" };
  }
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (bearer !== undefined) return isSame(bearer, statusToken) ? { by: "token" } : "wrong token";
  return session ? { by: "session", session } : "sign in";
}

/**
 * Whether a POST can only come from a page of ours: browsers say where a request comes from, and a page elsewhere cannot
 * change what they say.
 */
export function isFromOurPage(headers: IncomingHttpHeaders): boolean {
  const { origin, host, "sec-fetch-site": site } = headers;
  if (site !== undefined) return site === "same-origin";
  // Over plain http to another machine browsers say no more than this.
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

/** Whether the way to the browser is encrypted, as far as a proxy before us says. */
export function isEncrypted(headers: IncomingHttpHeaders): boolean {
  return headers["x-forwarded-proto"] === "https";
}

function cookieOf({ cookie = "" }: IncomingHttpHeaders): string | undefined {
  return cookie
    .split(";")
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1);
}

function hostNameOf({ host = "" }: IncomingHttpHeaders): string {
  return host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
}

function wasForwarded(headers: IncomingHttpHeaders): boolean {
  return ["forwarded", "x-forwarded-for", "x-forwarded-host"].some((name) => headers[name] !== undefined);
}
