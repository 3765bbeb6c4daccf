import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigurationError } from "../errors.ts";

export type Listening = {
  /** With the port that the system chose. */
  url: string;
  port: number;
  /** Answers what was asked, and takes no more; what still hangs after a moment is cut. */
  close(): Promise<void>;
};

const CONNECTIONS = 200;
const HEADERS_WITHIN_MS = 10_000;
const REQUEST_WITHIN_MS = 15_000;
const GOODBYE_MS = 1_000;

/** @throws ConfigurationError TAKEN for a port in use, LISTN for a host or port that is not ours to have */
export async function listen(host: string, port: number, answer: RequestListener): Promise<Listening> {
  const server = createServer(
    {
      headersTimeout: HEADERS_WITHIN_MS,
      requestTimeout: REQUEST_WITHIN_MS,
      connectionsCheckingInterval: 5_000,
    },
    answer,
  );
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(explain(error, host, port)));
    server.listen(port, host, resolve);
  });
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${chosen}/`,
    port: chosen,
    close: () => close(server),
  };
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), GOODBYE_MS);
  await closed;
  clearTimeout(cut);
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): ConfigurationError {
  if (error.code === "EADDRINUSE") {
    return new ConfigurationError(
      "TAKEN",
      `port ${port} of ${host} is in use`,
      "Set PORT to a free one; another daemon on this machine needs a port of its own, or none.",
    );
  }
  return new ConfigurationError(
    "LISTN",
    `cannot listen on port ${port} of ${host}: ${error.code ?? error.message}`,
    "Set HOST to an address of this machine (127.0.0.1 for itself only, 0.0.0.0 for all), and PORT to one above 1023.",
  );
}
