import type { IncomingHttpHeaders } from "node:http";
import type { Reader } from "./access.ts";
import type { Answer } from "./answer.ts";

/** One request on its way to a handler. */
export type Exchange = {
  url: URL;
  headers: IncomingHttpHeaders;
  /** What the groups of the route's path matched. */
  params: Record<string, string>;
  /** What a form sent; empty for GET. */
  form: URLSearchParams;
};

type Routed = { method: "GET" | "POST"; path: RegExp };

/** `open`: for everybody; `reader`: for whoever may read; its POST comes from a page of ours, or with the token. */
export type Route =
  | (Routed & { access: "open"; handle: (exchange: Exchange) => Answer | Promise<Answer> })
  | (Routed & { access: "reader"; handle: (exchange: Exchange, reader: Reader) => Answer | Promise<Answer> });

export type Found = { route: Route; params: Record<string, string> };

/** The route of a request, or which methods its path has; null for a path that there is not. */
export function findRoute(routes: readonly Route[], method: string, path: string): Found | string[] | null {
  const matching = routes.flatMap((route) => {
    const match = route.path.exec(path);
    return match ? [{ route, params: { ...match.groups } }] : [];
  });
  const wanted = method === "HEAD" ? "GET" : method;
  const found = matching.find(({ route }) => route.method === wanted);
  if (found) return found;
  return matching.length > 0 ? matching.map(({ route }) => route.method) : null;
}
