import { type Dispatcher, Pool } from "undici";
import { type AddedLine, readAddAnswer } from "./flex-add-answer.ts";
import {
  type FlexIdentity,
  type Made,
  outcomeOfIdentity,
  outcomeOfRead,
  outcomeOfWrite,
} from "./flex-answer-value.ts";
import { attempt, type FlexRequest } from "./flex-attempt.ts";
import { checkBaseUrl } from "./flex-base-url.ts";
import { checkTimeout, checkToken } from "./flex-caller-settings.ts";
import { errorTextWithout } from "./flex-error-text.ts";
import type { ReadOutcome, WriteOutcome } from "./flex-outcome.ts";
import { type FlexLine, parseReading } from "./flex-reading.ts";
import {
  addResourceRequest,
  currentUserRequest,
  readIdentityRequest,
  readLinesRequest,
  removeLineRequest,
  setBusinessRoleRequest,
} from "./flex-requests.ts";
import { type FlexUser, readUser } from "./flex-user.ts";

export type FlexCallerOptions = {
  /** The tenant's API, see `checkBaseUrl`. */
  baseUrl: string;
  /** The key for `X-Auth-Token`. It stays in memory and is taken out of every error text. */
  token: string;
  /** Milliseconds for one whole attempt, from waiting for a connection to the end of the body. Default 15000. */
  timeoutMs?: number;
  /** Connections kept open to Flex at most. Default 30, Flex's limit of concurrent requests per customer. */
  connections?: number;
  /** A larger body is not read. Default 8 MiB. */
  maxBodyBytes?: number;
  /** Used instead of an own pool, and left open by `close`. */
  dispatcher?: Dispatcher;
  /** The clock that a `Retry-After` date is compared with where the answer has no `Date`, milliseconds since 1970. Default `Date.now`. */
  now?: () => number;
};

export type FlexHooks = {
  /** Asked on a connected socket, right before the first byte would leave. False: nothing is sent. */
  beforeFirstByte?: () => boolean;
};

/** The calls to Flex that this project makes. Each makes one attempt, never throws and never retries. */
export type FlexCaller = {
  /** Adds a contact to an element as a new line. Flex makes another line each time (inferred): never send it twice. */
  addResource(elementId: string, resourceId: string, hooks?: FlexHooks): Promise<WriteOutcome<AddedLine>>;
  /** Sets the business role of a line. Absolute: sending it twice is as good as once. */
  setBusinessRole(
    elementId: string,
    lineItemId: string,
    roleId: string,
    hooks?: FlexHooks,
  ): Promise<WriteOutcome>;
  /** Deletes a line, and its children (inferred). */
  removeLine(lineItemId: string, hooks?: FlexHooks): Promise<WriteOutcome>;
  /** Every line of an element, unpaged (recorded). Doubtful when the answer cannot be trusted, see `parseReading`. */
  readLines(elementId: string, hooks?: FlexHooks): Promise<ReadOutcome<FlexLine[]>>;
  /** Whether the element itself is there, see `outcomeOfIdentity`. */
  readIdentity(elementId: string, hooks?: FlexHooks): Promise<ReadOutcome<FlexIdentity>>;
  /** Whose token this is: the health check. */
  currentUser(hooks?: FlexHooks): Promise<ReadOutcome<FlexUser>>;
  /** Waits for the attempts under way and closes the connections. */
  close(): Promise<void>;
};

/**
 * Makes the caller for one tenant.
 *
 * @throws ConfigurationError BSURL for the base URL, NOTOK for the token, TIMEO for the deadline.
 */
export function createFlexCaller(options: FlexCallerOptions): FlexCaller {
  const base = new URL(checkBaseUrl(options.baseUrl));
  const token = checkToken(options.token);
  const timeoutMs = checkTimeout(options.timeoutMs ?? 15_000);
  const judge = { errorText: errorTextWithout(token), now: options.now ?? Date.now };
  const pool = options.dispatcher
    ? undefined
    : new Pool(base.origin, { connections: options.connections ?? 30, connect: { timeout: timeoutMs } });
  const dispatcher = options.dispatcher ?? (pool as Pool);

  const underWay = new Set<Promise<unknown>>();

  const send = async (request: FlexRequest, hooks: FlexHooks | undefined): Promise<Made> => {
    const contentType = request.contentType === undefined ? {} : { "Content-Type": request.contentType };
    const making = attempt(request, {
      dispatcher,
      origin: base.origin,
      path: `${base.pathname}${request.path}`,
      headers: { "X-Auth-Token": token, Accept: "application/json", ...contentType },
      timeoutMs,
      maxBodyBytes: options.maxBodyBytes ?? 8 * 1024 * 1024,
      beforeFirstByte: hooks?.beforeFirstByte,
    });
    underWay.add(making);
    const made = await making;
    underWay.delete(making);
    return { request, attempt: made };
  };

  return {
    async addResource(elementId, resourceId, hooks) {
      const made = await send(addResourceRequest(elementId, resourceId), hooks);
      return outcomeOfWrite(
        made,
        judge,
        ({ json }) => readAddAnswer(json, [elementId, resourceId]) ?? undefined,
      );
    },
    async setBusinessRole(elementId, lineItemId, roleId, hooks) {
      return outcomeOfWrite(
        await send(setBusinessRoleRequest(elementId, lineItemId, roleId), hooks),
        judge,
        () => null,
      );
    },
    async removeLine(lineItemId, hooks) {
      return outcomeOfWrite(await send(removeLineRequest(lineItemId), hooks), judge, () => null);
    },
    async readLines(elementId, hooks) {
      return outcomeOfRead(await send(readLinesRequest(elementId), hooks), judge, (json) => {
        const reading = parseReading(json);
        return reading.ok ? { ok: true, value: reading.lines } : reading;
      });
    },
    async readIdentity(elementId, hooks) {
      return outcomeOfIdentity(await send(readIdentityRequest(elementId), hooks), judge, elementId);
    },
    async currentUser(hooks) {
      return outcomeOfRead(await send(currentUserRequest(), hooks), judge, readUser);
    },
    async close() {
      await Promise.all(underWay);
      await pool?.destroy();
    },
  };
}
