import type { Dispatcher } from "undici";

export type FlexRequest = {
  method: "GET" | "POST" | "DELETE";
  /** Path below the base URL with its query, ids already encoded. */
  path: string;
  /** The ids in it; with an empty one nothing is sent. */
  ids: string[];
  body?: string;
  contentType?: string;
};

/** A whole answer: status line, headers and the body to its end. */
export type Answer = {
  kind: "answered";
  status: number;
  contentType: string;
  retryAfter: string | null;
  /** What time it was at Flex. */
  date: string | null;
  body: string;
};

/** `broken`: the first byte left and no whole answer came; `status` is there if a status line came. */
export type Attempt =
  | Answer
  | { kind: "not_sent"; cause: string }
  | { kind: "broken"; status: number | null; cause: string };

export type AttemptOptions = {
  dispatcher: Dispatcher;
  origin: string;
  path: string;
  headers: Record<string, string>;
  timeoutMs: number;
  maxBodyBytes: number;
  beforeFirstByte: (() => boolean) | undefined;
};

/**
 * Makes exactly one HTTP attempt and never rejects: no retry, no redirect, one deadline for connect, answer and body.
 *
 * Sent or not is decided by whether undici called `onRequestStart`: for HTTP/1.1 that is the last thing
 * before the header is written to a connected socket, synchronously (undici's `writeH1` calls it and gives up when it aborts).
 */
export function attempt(request: FlexRequest, options: AttemptOptions): Promise<Attempt> {
  if (request.ids.some((id) => /^\.*$/.test(id.trim()))) {
    return Promise.resolve({ kind: "not_sent", cause: "an id is empty" });
  }
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let status: number | null = null;
    let answerHeaders: Record<string, string | string[] | undefined> = {};
    let ended = false;
    let bytes = 0;
    const chunks: Buffer[] = [];

    const end = (result: Attempt): void => {
      if (ended) return;
      ended = true;
      clearTimeout(deadline);
      resolve(result);
    };
    const fail = (cause: string): void => {
      end(controller ? { kind: "broken", status, cause } : { kind: "not_sent", cause });
    };
    const deadline = setTimeout(() => {
      fail(`no ${status === null ? "answer" : "end of the body"} within ${options.timeoutMs} ms`);
      controller?.abort(new Error("deadline"));
    }, options.timeoutMs);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(starting) {
        if (ended) return starting.abort(new Error("deadline"));
        if (controller) {
          fail("the connection was lost and the request would have been sent twice");
          return starting.abort(new Error("sent before"));
        }
        if (!mayStart(options.beforeFirstByte)) {
          fail("the lease was over before the first byte");
          return starting.abort(new Error("lease over"));
        }
        controller = starting;
      },
      onResponseStart(_controller, statusCode, headers) {
        if (statusCode < 200) return;
        status = statusCode;
        answerHeaders = headers;
      },
      onResponseData(current, chunk) {
        bytes += chunk.length;
        if (bytes > options.maxBodyBytes) {
          fail(`the body is larger than ${options.maxBodyBytes} bytes`);
          current.abort(new Error("body too large"));
        } else {
          chunks.push(chunk);
        }
      },
      onResponseEnd() {
        if (status === null) return fail("the answer ended without a status");
        end({
          kind: "answered",
          status,
          contentType: first(answerHeaders["content-type"]) ?? "",
          retryAfter: first(answerHeaders["retry-after"]) ?? null,
          date: first(answerHeaders.date) ?? null,
          body: new TextDecoder().decode(Buffer.concat(chunks)),
        });
      },
      onResponseError(_controller, error) {
        fail(describe(error));
      },
    };

    const { method, body } = request;
    try {
      options.dispatcher.dispatch(
        {
          origin: options.origin,
          path: options.path,
          method,
          headers: options.headers,
          headersTimeout: 0, // the deadline above covers both
          bodyTimeout: 0,
          ...(body === undefined ? {} : { body }),
        },
        handler,
      );
    } catch (error) {
      fail(describe(error));
    }
  });
}

/** A check that throws is a no. */
function mayStart(beforeFirstByte: (() => boolean) | undefined): boolean {
  if (!beforeFirstByte) return true;
  try {
    return beforeFirstByte();
  } catch {
    return false;
  }
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unnamed failure";
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return error.message === "" || error.message.includes(code)
    ? error.message || code
    : `${code} ${error.message}`;
}
