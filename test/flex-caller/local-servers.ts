import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { createFlexCaller, type FlexCaller, type FlexCallerOptions } from "../../src/flex-caller.ts";

export const TOKEN = "SecretTokenOfTheTest0123456789abcdef";
export const ELEMENT = "253878cc-af31-11df-b8d5-00e08175e43e";
export const RESOURCE = "325d24ef-814a-44e0-aee4-da065d3e9b51";
export const LINE = "83dd63c0-8492-11ee-9ae0-e2999141f70a";
export const ROLE = "2916b300-c515-11ea-a087-2a0a4490a7fb";

/** A caller that is closed when the test ends. */
export function callerFor(baseUrl: string, options: Partial<FlexCallerOptions> = {}): FlexCaller {
  const caller = createFlexCaller({ baseUrl, token: TOKEN, ...options });
  onTestFinished(() => caller.close());
  return caller;
}

/** A plain TCP server that does with each connection what the test says; returns its base URL. */
export async function startRawServer(
  onConnection: (socket: Socket) => void,
  scheme = "http",
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/f5/api`;
}

/** Answers every request on a raw connection with these bytes, once the whole request is there. */
export function answerWith(bytes: string, then: "open" | "end" | "reset" = "end"): (socket: Socket) => void {
  return (socket) =>
    socket.once("data", () => {
      socket.write(bytes, () => {
        if (then === "end") socket.end();
        if (then === "reset") setImmediate(() => socket.resetAndDestroy());
      });
    });
}

export async function startHttpServer(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/f5/api`;
}

/** An HTTP server that gives every request the same answer. */
export function startAnswering(
  status: number,
  body: string,
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<string> {
  return startHttpServer((request, response) => {
    request.resume();
    response.writeHead(status, headers);
    response.end(body);
  });
}

/** A port on which nothing listens. */
export async function refusedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}/f5/api`;
}
