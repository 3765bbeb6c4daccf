import { type Connections, connectTo } from "./connect-to.ts";
import { needsAnotherServer, wantsReadCommitted } from "./database-error.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import type { Query, QueryValue } from "./queue.ts";

export type Database = {
  /** Runs one statement, and rejects when no answer comes in time. */
  query: Query;
  /** Waits a moment for statements under way, then cuts the connections. */
  close(): Promise<void>;
};

/** A database whose answer takes longer is not there: nothing that the daemon asks for takes a second. */
const ANSWER_WITHIN_MS = 30_000;
/** Records of outcomes go side by side. */
const CONNECTIONS = 10;
const GOODBYE_MS = 1_000;

/**
 * The daemon's connections to its database. A statement without an answer, as on a connection whose other end vanished,
 * costs all of them: they are cut, and made anew by the statements that follow.
 *
 * @throws ConfigurationError DBURL for a URL that cannot be read
 */
export function openDatabase(url: string, answerWithinMs: number = ANSWER_WITHIN_MS): Database {
  const open = (): Connections => connectTo(url, { max: 1, name: "flex-crew-sync drain" });
  let lanes = createLanes(open, CONNECTIONS);
  // Where the host's default is another level, each statement says its own: it cannot be a parameter of the connection,
  // which poolers refuse, and what is set for a session reaches others through a pooler.
  let sayLevel = false;
  const run = (used: Lanes, text: TemplateStringsArray, values: QueryValue[]) =>
    used.lend(({ sql }) =>
      sayLevel
        ? sql.begin("isolation level read committed", (transaction) => transaction(text, ...values))
        : sql(text, ...values),
    );
  return {
    async query(text, ...values) {
      const used = lanes;
      try {
        try {
          return await within(answerWithinMs, run(used, text, values));
        } catch (error) {
          if (sayLevel || !wantsReadCommitted(error)) throw error;
          // Refused before it did anything.
          sayLevel = true;
          return await within(answerWithinMs, run(used, text, values));
        }
      } catch (error) {
        const useless = error instanceof NoAnswer || needsAnotherServer(error);
        if (useless && used === lanes) {
          lanes = createLanes(open, CONNECTIONS);
          void used.cut();
        }
        throw error;
      }
    },
    close: () => lanes.cut(GOODBYE_MS),
  };
}

/** Nobody knows whether the statement was executed. */
class NoAnswer extends Error {}

/** What a promise comes to, if it does so in time. */
export async function within<T>(ms: number, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`the database gave no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
