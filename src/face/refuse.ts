import type { Refusal } from "./access.ts";
import { type Answer, plain } from "./answer.ts";

/** What somebody gets who is not let in. */
export function refuse(refusal: Refusal): Answer {
  switch (refusal) {
    case "sign in":
      return plain(401, "Show the token: Authorization: Bearer STATUS_TOKEN.", {
        "WWW-Authenticate": "Bearer",
      });
    case "wrong token":
      return plain(401, "That is not the token.", { "WWW-Authenticate": "Bearer" });
    case "page is off":
      return plain(403, "Page and metrics are off: set STATUS_TOKEN, or HOST to 127.0.0.1.");
    case "wrong host":
      return plain(
        403,
        "Without STATUS_TOKEN this answers to names of this machine only, and not through a proxy.",
      );
  }
}
