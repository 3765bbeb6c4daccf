/**
 * What one HTTP attempt turned out to be. The caller says the class; what happens next is the outbox's decision.
 *
 * Every `error` is at most 300 characters, names method, path and status or errno, and never holds the token.
 * `status` is null where no status line arrived.
 */

/** A whole 2xx answer (not 202) that is no error body and says what the call needs to know. */
export type Done<T> = { class: "done"; status: number; value: T };

/** Nothing left this machine: name lookup, connect, TLS, an ended lease, or a deadline before the first byte. */
export type NotSent = { class: "not_sent"; status: null; error: string };

/** 400 403 404 405 413 415 422 with the whole body read: Flex looked at it and did nothing. */
export type Refused = { class: "refused"; status: number; error: string };

/** 401 with the whole body read. Flex says it for a bad token and for an inaccessible document alike (recorded). */
export type Unauthorized = { class: "unauthorized"; status: 401; error: string };

/** 409 or 423 with the whole body read: not now, perhaps later. */
export type RefusedForNow = { class: "refused_for_now"; status: number; error: string };

/** 429: not executed. `retryAfterMs` (milliseconds, at most a day) is null without a readable `Retry-After`. */
export type RateLimited = { class: "rate_limited"; status: 429; retryAfterMs: number | null; error: string };

/** The request left and nobody can say whether Flex did it. */
export type Unknown = { class: "unknown"; status: number | null; error: string };

/** A reading whose whole 2xx answer cannot be trusted. */
export type Doubtful = { class: "doubtful"; status: number; reason: DoubtReason; error: string };

export type DoubtReason =
  | "not_json"
  | "not_an_object"
  | "error_body"
  | "not_an_array"
  | "row_not_an_object"
  | "children_not_an_array"
  | "repeated_line_id"
  | "resource_without_line_id"
  | "conflicting_resource"
  | "too_deep"
  | "too_many_rows";

/** Every way in which an attempt can end other than with its value. */
export type Failure = NotSent | Refused | Unauthorized | RefusedForNow | RateLimited | Unknown;

export type WriteOutcome<T = null> = Done<T> | Failure;

export type ReadOutcome<T> = Done<T> | Failure | Doubtful;

export type OutcomeClass = ReadOutcome<unknown>["class"];
