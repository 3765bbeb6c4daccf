import { isErrorBody } from "./flex-error-text.ts";
import type { DoubtReason } from "./flex-outcome.ts";
import { isObject } from "./flex-reading-row.ts";

/** The user whose token is in use (`id` and `userName` are recorded keys). */
export type FlexUser = { id: string | null; userName: string | null };

/** Reads `GET /user-profile/current-user`. A login page or an error in a 200 is a doubt, not a working token. */
export function readUser(
  json: unknown,
): { ok: true; value: FlexUser } | { ok: false; reason: DoubtReason; error: string } {
  if (!isObject(json)) return { ok: false, reason: "not_an_object", error: "the user is no object" };
  if (isErrorBody(json)) return { ok: false, reason: "error_body", error: "the answer is an error" };
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  return { ok: true, value: { id: text(json.id), userName: text(json.userName) } };
}
