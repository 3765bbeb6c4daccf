import { connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A TCP proxy before Postgres, to break connections in ways that only a network can. */
export type PostgresProxy = {
  /** The database's URL by way of the proxy. */
  url: string;
  /** Connections made through it so far. */
  readonly made: number;
  /** Packets that clients sent so far. */
  readonly packets: number;
  /** Client connections that are open now. */
  readonly open: number;
  /** From now on nothing passes on the connections there are, in either direction; nobody is told. */
  freeze(): void;
  /**
   * On each connection there is, one more answer arrives and then none, while what is asked still does. With `postgres`
   * a statement is described first, so the next one is executed and nobody hears of it.
   */
  deafen(): void;
  /**
   * What happens to new connections: they work, are accepted and closed without a word, or are accepted and never
   * answered.
   */
  mode: "works" | "closes" | "silent";
  /** Refuse new connections and cut the others, until `listen`. */
  down(): Promise<void>;
  listen(): Promise<void>;
};

export async function startPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl);
  const pairs = new Set<{
    client: Socket;
    server: Socket | undefined;
    frozen: boolean;
    answersLeft: number;
  }>();
  let made = 0;
  let packets = 0;
  let listening: Server | undefined;
  let port = 0;

  function serve(client: Socket): void {
    made += 1;
    client.on("error", () => {});
    if (proxy.mode === "closes") return void client.resume().end();
    const server = proxy.mode === "works" ? connect(Number(target.port), target.hostname) : undefined;
    const pair = { client, server, frozen: false, answersLeft: Number.POSITIVE_INFINITY };
    pairs.add(pair);
    server?.on("error", () => {});
    server?.on("data", (bytes) => {
      if (!pair.frozen && pair.answersLeft > 0) client.write(bytes);
      pair.answersLeft -= 1;
    });
    client.on("data", (bytes) => {
      packets += 1;
      if (!pair.frozen) server?.write(bytes);
    });
    server?.on("close", () => pair.frozen || client.destroy());
    client.on("close", () => {
      pairs.delete(pair);
      server?.destroy();
    });
  }
  const proxy: PostgresProxy = {
    url: "",
    get made() {
      return made;
    },
    get packets() {
      return packets;
    },
    get open() {
      return pairs.size;
    },
    mode: "works",
    freeze() {
      for (const pair of pairs) pair.frozen = true;
    },
    deafen() {
      for (const pair of pairs) pair.answersLeft = 1;
    },
    async down() {
      for (const { client } of pairs) client.destroy();
      const server = listening;
      listening = undefined;
      if (server) await new Promise((resolve) => server.close(resolve));
    },
    async listen() {
      const server = createServer(serve);
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      port = (server.address() as { port: number }).port;
      listening = server;
    },
  };
  await proxy.listen();
  onTestFinished(() => proxy.down());
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  proxy.url = url.href;
  return proxy;
}
