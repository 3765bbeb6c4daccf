import { type Body, describeAnswer, failureOf, readBody } from "./flex-answer-class.ts";
import type { Answer, Attempt, FlexRequest } from "./flex-attempt.ts";
import { isErrorBody } from "./flex-error-text.ts";
import type { Doubtful, DoubtReason, ReadOutcome, WriteOutcome } from "./flex-outcome.ts";
import { isObject } from "./flex-reading-row.ts";

export type Made = { request: FlexRequest; attempt: Attempt };

/** What an outcome is made with: the token-free error text and the clock. */
export type Judge = { errorText: (text: string) => string; now: () => number };

export type FlexIdentity = { presence: "present" | "gone" | "unclear" };

type Doubt = { reason: DoubtReason; error: string };

const NO_ANSWER_ABOUT_THE_ELEMENT = new Set([401, 408, 429, 502, 503, 504]);

/**
 * A write is done when the whole 2xx answer is empty or JSON, is no error body, and `readValue` finds its value;
 * otherwise nobody knows. (That Flex ever puts an error into a 200 is a client's fear, not recorded.)
 */
export function outcomeOfWrite<T>(
  made: Made,
  judge: Judge,
  readValue: (body: Body) => T | undefined,
): WriteOutcome<T> {
  const failure = failureOf(made.request, made.attempt, judge);
  if (failure) return failure;
  const answer = made.attempt as Answer;
  const { status } = answer;
  const body = readBody(answer);
  const remark =
    !body.empty && body.json === undefined
      ? "the answer is no JSON"
      : isErrorBody(body.json)
        ? "the answer is an error"
        : null;
  const value = remark === null ? readValue(body) : undefined;
  if (value !== undefined) return { class: "done", status, value };
  const text = describeAnswer(made.request, answer, remark ?? "the answer lacks the line id");
  return { class: "unknown", status, error: judge.errorText(text) };
}

/** A reading is done when the whole 2xx answer is JSON in which `readValue` has no doubt. */
export function outcomeOfRead<T>(
  made: Made,
  judge: Judge,
  readValue: (json: unknown) => { ok: true; value: T } | ({ ok: false } & Doubt),
): ReadOutcome<T> {
  const failure = failureOf(made.request, made.attempt, judge);
  if (failure) return failure;
  const answer = made.attempt as Answer;
  const doubtful = ({ reason, error }: Doubt): Doubtful => {
    const text = judge.errorText(describeAnswer(made.request, answer, error));
    return { class: "doubtful", status: answer.status, reason, error: text };
  };
  const { json } = readBody(answer);
  if (json === undefined) return doubtful({ reason: "not_json", error: "the answer is no JSON" });
  const read = readValue(json);
  return read.ok ? { class: "done", status: answer.status, value: read.value } : doubtful(read);
}

/**
 * Whether the element is there.
 *
 * Gone: `deleted: true` (recorded key), 404, or 400 with "Unable to find" (recorded for contacts). Present: an object with
 * the element's own id, not deleted. Any other complete answer is unclear, 405 and 500 too: a missing thing was seen to
 * give 500 elsewhere (clients only). 401, 408, 429, 502, 503, 504 are about the token, the quota or a gateway
 * and keep their class.
 */
export function outcomeOfIdentity(made: Made, judge: Judge, elementId: string): ReadOutcome<FlexIdentity> {
  const failure = failureOf(made.request, made.attempt, judge);
  const answer = made.attempt;
  if (failure && (answer.kind !== "answered" || NO_ANSWER_ABOUT_THE_ELEMENT.has(answer.status)))
    return failure;
  const { status, body } = answer as Answer;
  const presence = (value: FlexIdentity["presence"]): ReadOutcome<FlexIdentity> => {
    return { class: "done", status, value: { presence: value } };
  };
  if (status === 404 || (status === 400 && /unable to find/i.test(body))) return presence("gone");
  const { json } = readBody(answer as Answer);
  if (failure || !isObject(json) || isErrorBody(json)) return presence("unclear");
  if (json.deleted === true) return presence("gone");
  const isSame =
    typeof json.id === "string" && json.id.trim().toLowerCase() === elementId.trim().toLowerCase();
  return presence(isSame ? "present" : "unclear");
}
