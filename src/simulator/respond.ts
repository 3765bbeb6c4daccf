import type { ServerResponse } from "node:http";
import type { Reply } from "./reply.ts";

/** Sends a whole answer, if the client is still there. */
export function send(response: ServerResponse, reply: Reply): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(reply.status, headersOf(reply, Buffer.byteLength(reply.body)));
  response.end(reply.body);
}

/** Sends the headers and half of the body, and then nothing more: the connection stays open or ends. */
export function sendHalf(response: ServerResponse, reply: Reply, then: "hang" | "end"): void {
  const body = Buffer.from(reply.body);
  response.writeHead(reply.status === 204 ? 200 : reply.status, headersOf(reply, body.length + 10));
  response.flushHeaders();
  response.write(body.subarray(0, Math.ceil(body.length / 2)));
  if (then === "end") response.socket?.end();
}

/** Resets the connection: the client sees ECONNRESET. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function headersOf(reply: Reply, length: number): Record<string, string> {
  return {
    ...(reply.contentType === null ? {} : { "content-type": reply.contentType }),
    ...(reply.status === 204 ? {} : { "content-length": String(length) }),
    ...reply.headers,
  };
}
