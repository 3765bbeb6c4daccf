import type { Refusal } from "./access.ts";
import { type Answer, plain } from "./answer.ts";
import { html } from "./html.ts";
import { pageAnswer } from "./layout.ts";
import type { Exchange } from "./routes.ts";
import { signInPage } from "./sign-in.ts";

/** What somebody gets who is not let in: people with a browser a form, programs a line. */
export function refuse(refusal: Refusal, { url, headers }: Exchange): Answer {
  switch (refusal) {
    case "sign in":
      if (headers.accept?.includes("text/html") && headers["x-fragment"] === undefined) {
        return signInPage(`${url.pathname}${url.search}`, null);
      }
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

/** What everybody gets while the database does not answer. */
export function unavailable(): Answer {
  const live = html`<section class="headline t-quiet">
    <h1>The database does not answer</h1>
    <p>The daemon runs, and goes on as soon as it does. Reload to look again.</p>
  </section>`;
  return pageAnswer(503, { title: "Crew sync", live, at: null }, false);
}
