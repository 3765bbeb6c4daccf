import { transformList } from "../../src/simulator/list-transforms.ts";
import * as refusal from "../../src/simulator/refusals.ts";
import { html, json, type Reply } from "../../src/simulator/reply.ts";
import type { Answer } from "./history.ts";

/** The answer that a fault gives instead of the usual one; null where it gives the usual one or none. */
export function oddReply(answer: Answer, usual: Reply): Reply | null {
  switch (answer.as) {
    case "status": {
      const { status, retryAfter } = answer;
      if (status === 401) return refusal.accessDenied();
      if (status === 429) {
        return {
          ...refusal.tooManyRequests("Maximum API request limit reached."),
          headers: retryAfter ? { "retry-after": retryAfter } : {},
        };
      }
      if (status === 202) return json(202, { pending: true });
      if (status === 302) return { ...html(302, ""), headers: { location: "/f5/ui/login" } };
      return status >= 502
        ? refusal.gatewayError(status)
        : json(status, { exceptionMessage: "The model says no" });
    }
    case "odd":
      if (answer.body === "html") return refusal.loginPage();
      if (answer.body === "exception") return json(200, { exceptionMessage: "Something went wrong" });
      if (answer.body === "success-false") return json(200, { success: false, message: "Not saved" });
      return json(200, {});
    case "list":
      if (answer.transform === "lost-contact") return { ...usual, body: loseContact(usual.body) };
      return transformList(usual, answer.transform, () => 0.5);
    default:
      return null;
  }
}

/** The first row without its contact: it was seen to lose it in Flex's own user interface. */
function loseContact(body: string): string {
  const [first, ...rest] = JSON.parse(body) as Record<string, unknown>[];
  if (!first) return body;
  const { resource, contact, ...row } = first;
  return JSON.stringify([{ ...row, resourceId: null }, ...rest]);
}
