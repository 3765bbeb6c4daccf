import { createServer } from "node:net";
import type { FaultAction, When } from "../../src/simulator/faults.ts";
import { startRawServer } from "../flex-caller/local-servers.ts";

/** How a request comes to see something: Flex itself does it, or the request goes to another place instead. */
export type How =
  | { in: "plain" }
  | { in: "flex"; fault: (when: When) => FaultAction; silent?: boolean }
  | { in: "elsewhere"; origin: () => Promise<string>; silent?: boolean }
  /** The token does not work, for this request and for the question about it. */
  | { in: "token" };

const flex = (fault: (when: When) => FaultAction, silent = false): How => ({ in: "flex", fault, silent });
const elsewhere = (origin: () => Promise<string>, silent = false): How => ({
  in: "elsewhere",
  origin,
  silent,
});

export const plain: How = { in: "plain" };

/** Any status, with an error as Flex words one. */
export const status = (status: number): How =>
  flex((when) => ({
    kind: "answer",
    when,
    status,
    body: { exceptionMessage: "No", httpStatusCode: status },
  }));

/** A whole 200 with this body. */
export const body = (body: unknown, status = 200): How =>
  flex((when) => ({ kind: "answer", when, status, ...(body === undefined ? {} : { body }) }));

export const unauthorized: How = flex(() => ({ kind: "unauthorized" }));
export const badToken: How = { in: "token" };
export const rateLimited = (retryAfter?: () => string): How =>
  flex(() => ({ kind: "rate-limited", ...(retryAfter ? { retryAfter: retryAfter() } : {}) }));

export const reset: How = flex((when) => ({ kind: "reset", when }));
export const noAnswer: How = flex((when) => ({ kind: "hang", when }), true);
export const bodyBreaks: How = flex((when) => ({ kind: "truncate", when }));
export const bodyHangs: How = flex((when) => ({ kind: "hang-body", when }), true);
export const accepted: How = flex((when) => ({ kind: "accepted", when }));
export const redirect: How = flex((when) => ({ kind: "redirect", when }));
export const gateway = (status: 502 | 503 | 504): How => flex((when) => ({ kind: "gateway", when, status }));
export const loginPage: How = flex((when) => ({ kind: "login-page", when }));
export const exceptionMessage: How = flex((when) => ({ kind: "exception-message", when }));
export const successFalse: How = flex((when) => ({ kind: "success-false", when }));

export const refusedConnection: How = elsewhere(async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
});
export const noSuchName: How = elsewhere(async () => "http://flex.invalid");
export const handshakeCutOff: How = elsewhere(() =>
  originOf(startRawServer((socket) => socket.once("data", () => socket.resetAndDestroy()), "https")),
);
export const noTls: How = elsewhere(() =>
  originOf(startRawServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), "https")),
);
export const handshakeHangs: How = elsewhere(() => originOf(startRawServer(() => {}, "https")), true);
export const closedAtOnce: How = elsewhere(() =>
  originOf(startRawServer((socket) => socket.once("data", () => socket.end()))),
);
export const notHttp: How = elsewhere(() =>
  originOf(startRawServer((socket) => socket.once("data", () => socket.end("SSH-2.0-OpenSSH\r\n")))),
);

async function originOf(baseUrl: Promise<string>): Promise<string> {
  return new URL(await baseUrl).origin;
}
