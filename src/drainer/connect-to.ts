import { connect, type Socket } from "node:net";
import postgres, { type Sql } from "postgres";
import { ConfigurationError } from "../errors.ts";

/** Connections of one purpose, which can be cut whatever state they are in. */
export type Connections = {
  sql: Sql;
  /** Cuts them, after waiting this long for what is under way. No statement on them ever ends later than this. */
  cut(afterMs?: number): Promise<void>;
};

/** What `postgres` hands to the function that makes its sockets. */
type Target = { host: string[]; port: number[]; path: string | false };

/**
 * Connections by `postgres`, made when they are needed. Their sockets are our own: `sql.end()` leaves those alone that
 * are still connecting or whose other end is silent, and each of them would keep the process alive.
 *
 * @throws ConfigurationError DBURL for a URL that cannot be read
 */
export function connectTo(url: string, { max, name }: { max: number; name: string }): Connections {
  const sockets = new Set<Socket>();
  let turn = 0;
  const socket = ({ host, port, path }: Target): Socket => {
    const index = turn++ % host.length;
    const [at, on] = [host[index] ?? "localhost", port[index] ?? 5432];
    const made = path ? connect(path) : connect(on, at);
    // `postgres` takes the server's name for TLS from here.
    Object.assign(made, { host: at, port: on });
    sockets.add(made);
    made.once("close", () => sockets.delete(made));
    // A proxy without a server behind it. `postgres` would connect again at once, and again, without an end.
    made.once("end", () => {
      if (made.bytesRead === 0) made.destroy(new Error("the server closed the connection without a word"));
    });
    return made;
  };
  const sql = open(url, {
    max,
    // A pooler in transaction mode hands each statement to another server connection.
    prepare: false,
    fetch_types: false,
    connect_timeout: 10,
    idle_timeout: 60,
    onnotice: () => {},
    connection: { application_name: name },
    socket,
  });
  return {
    sql,
    async cut(afterMs = 0) {
      await sql.end({ timeout: afterMs / 1_000 });
      for (const left of sockets) left.destroy();
    },
  };
}

function open(url: string, options: object): Sql {
  try {
    return postgres(url, options);
  } catch {
    // The error itself would show the URL, with its password.
    throw new ConfigurationError(
      "DBURL",
      "the database URL cannot be read",
      "Write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE, special characters percent-encoded.",
    );
  }
}
