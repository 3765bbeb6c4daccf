import type { IncomingMessage } from "node:http";

/** A request as the routes see it. */
export type SimulatedRequest = {
  method: string;
  path: string;
  query: URLSearchParams;
  /** The form fields of a form body, nothing for other bodies. */
  form: URLSearchParams;
  /** The parsed JSON body, undefined for other bodies. */
  json: unknown;
};

/** Reads the whole body; rejects when the client goes away first. */
export async function readRequest(incoming: IncomingMessage): Promise<SimulatedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString("utf8");
  const url = new URL(incoming.url ?? "/", "http://simulator");
  const type = incoming.headers["content-type"] ?? "";
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    form: new URLSearchParams(type.startsWith("application/x-www-form-urlencoded") ? body : ""),
    json: type.startsWith("application/json") ? parse(body) : undefined,
  };
}

/** A request parameter as Spring reads it: from the query or a form body, never from JSON; the first one counts. */
export function parameter(request: SimulatedRequest, name: string): string | null {
  return request.query.get(name) ?? request.form.get(name);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
