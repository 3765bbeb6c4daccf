import { connect, createServer, type Socket } from "node:net";
import type { Simulator } from "../../src/simulator/simulator.ts";
import type { Kind } from "./points.ts";
import { kindOfRequest } from "./watch-calls.ts";

/** A request as it came off the wire. */
export type Passing = { kind: Kind; method: string; path: string; body: string; at: number };

export type WatchedWay = {
  /** A request has come as far as this, and Flex has seen nothing of it. False: it never will. */
  arrives?: (request: Passing) => boolean;
  /** Flex has answered it, or broken the connection, and the drainer has seen nothing of it. */
  answered?: (request: Passing) => void;
};

export type WayToFlex = { baseUrl: string; close(): Promise<void> };

/** The network between a drainer and Flex, where a request and its answer can be stopped. */
export async function openWayToFlex(flex: Simulator, { arrives, answered }: WatchedWay): Promise<WayToFlex> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (drainer) => {
    const toFlex = connect({ host: "127.0.0.1", port: flex.port, allowHalfOpen: true });
    let request: Passing | undefined;
    const hear = () => {
      if (request) answered?.(request);
      request = undefined;
    };
    for (const socket of [drainer, toFlex]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      socket.on("error", () => {});
    }
    drainer.on("data", (bytes) => {
      const begun = beginning(bytes);
      if (begun) request = begun;
      if (begun && arrives?.(begun) === false) return void toFlex.destroy();
      toFlex.write(bytes);
    });
    drainer.on("end", () => toFlex.end());
    drainer.on("close", () => toFlex.end());
    toFlex.on("data", (bytes) => {
      hear();
      drainer.write(bytes);
    });
    toFlex.on("end", () => {
      hear();
      drainer.end();
    });
    toFlex.on("close", (hadError) => {
      hear();
      if (hadError) drainer.resetAndDestroy();
      else drainer.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    baseUrl: `http://127.0.0.1:${port}/f5/api`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The request that begins in these bytes; undici writes each one at once, and one at a time. */
function beginning(bytes: Buffer): Passing | undefined {
  const text = bytes.toString("latin1");
  const [, method = "", path = ""] = /^(GET|POST|DELETE) (\S+) HTTP\/1\.1\r\n/.exec(text) ?? [];
  if (method === "") return undefined;
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  return { kind: kindOfRequest({ method, path }), method, path, body, at: Date.now() };
}
