import type { Answer, Attempt, FlexRequest } from "./flex-attempt.ts";
import { messageOf } from "./flex-error-text.ts";
import type { Failure } from "./flex-outcome.ts";

const REFUSED = new Set([400, 403, 404, 405, 413, 415, 422]);
const REFUSED_FOR_NOW = new Set([409, 423]);
const DAY_MS = 86_400_000;

/** The parsed body: `json` is undefined when the body is no JSON, `empty` when there is none. */
export type Body = { empty: boolean; json: unknown };

export function readBody(answer: Answer): Body {
  if (answer.body.trim() === "") return { empty: true, json: undefined };
  try {
    return { empty: false, json: JSON.parse(answer.body) };
  } catch {
    return { empty: false, json: undefined };
  }
}

/** 2xx other than 202. 202 promises to do it later and so says nothing about what was done. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300 && status !== 202;
}

/** The class of an attempt that brought no 2xx answer; null when it did, and the body decides. */
export function failureOf(
  request: FlexRequest,
  made: Attempt,
  { errorText, now }: { errorText: (text: string) => string; now: () => number },
): Failure | null {
  const what = `${request.method} ${request.path}`;
  if (made.kind === "not_sent") {
    return { class: "not_sent", status: null, error: errorText(`${what}: not sent, ${made.cause}`) };
  }
  if (made.kind === "broken") {
    const error = errorText(`${what}: ${made.status === null ? "" : `${made.status}, then `}${made.cause}`);
    return { class: "unknown", status: made.status, error };
  }
  const { status } = made;
  if (isSuccess(status)) return null;
  const error = errorText(describeAnswer(request, made));
  if (status === 401) return { class: "unauthorized", status, error };
  if (status === 429) {
    return { class: "rate_limited", status, retryAfterMs: retryAfterMs(made, now), error };
  }
  if (REFUSED.has(status)) return { class: "refused", status, error };
  if (REFUSED_FOR_NOW.has(status)) return { class: "refused_for_now", status, error };
  return { class: "unknown", status, error };
}

/** Method, path, status and what Flex said; of a body that is no JSON only its type and length. */
export function describeAnswer(request: FlexRequest, answer: Answer, remark = ""): string {
  const { empty, json } = readBody(answer);
  const said =
    messageOf(json) ??
    (empty || json !== undefined
      ? ""
      : `${answer.contentType || "untyped body"}, ${answer.body.length} characters`);
  return `${request.method} ${request.path}: ${[`${answer.status}`, remark, said].filter(Boolean).join(", ")}`;
}

/**
 * `Retry-After` in milliseconds from now: seconds or an HTTP date, at least 0 and at most a day. A date is compared with
 * the answer's own `Date`: this machine's clock, which may be wrong, serves only where there is none.
 * Flex was never seen to send one (recorded 429s have none); a proxy before it may.
 */
export function retryAfterMs(
  { retryAfter, date }: Pick<Answer, "retryAfter" | "date">,
  now: () => number,
): number | null {
  const text = retryAfter?.trim() ?? "";
  const atFlex = readDate(date ?? "");
  const wait = /^\d+$/.test(text)
    ? Number(text) * 1000
    : readDate(text) - (Number.isNaN(atFlex) ? now() : atFlex);
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), DAY_MS);
}

function readDate(text: string): number {
  return /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
}
