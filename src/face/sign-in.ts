import type { IncomingHttpHeaders } from "node:http";
import type { Log } from "../drainer/log.ts";
import { COOKIE, isEncrypted } from "./access.ts";
import { type Answer, seeOther } from "./answer.ts";
import type { FaceSettings } from "./face-settings.ts";
import { type Html, html } from "./html.ts";
import { pageAnswer } from "./layout.ts";
import type { Route } from "./routes.ts";
import { isSame, SESSION_S, type Sessions } from "./session.ts";

/** Signing in with STATUS_TOKEN, and out again. */
export function signInRoutes({ statusToken }: FaceSettings, sessions: Sessions, log: Log): Route[] {
  return [
    {
      method: "POST",
      path: /^\/sign-in$/,
      access: "open",
      handle({ form, headers }) {
        if (statusToken === undefined) return seeOther("/");
        const to = pathOf(form.get("to"));
        if (!isSame(form.get("token")?.trim() ?? "", statusToken)) {
          log.warn({}, "somebody tried to sign in with a wrong token");
          return signInPage(to, "That is not the token.");
        }
        return seeOther(to, {
          "Set-Cookie": cookie(headers, sessions.begin(form.get("name") ?? ""), SESSION_S),
        });
      },
    },
    {
      method: "POST",
      path: /^\/sign-out$/,
      access: "open",
      handle: ({ headers }) => seeOther("/", { "Set-Cookie": cookie(headers, "", 0) }),
    },
  ];
}

/** The value of `Set-Cookie`: no script reads it, and no page elsewhere makes a browser send it. */
export function cookie(headers: IncomingHttpHeaders, value: string, seconds: number): string {
  const secure = isEncrypted(headers) ? "; Secure" : "";
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
}

/** The form that asks for the token. */
export function signInPage(to: string, problem: string | null): Answer {
  const live = html`<section class="headline t-quiet sign-in">
    <h1>Sign in</h1>
    <p>Whoever runs the daemon has the token: it is its <code>STATUS_TOKEN</code>.</p>
    ${problem !== null && html`<p class="problem" role="alert">${problem}</p>`}
    <form method="post" action="/sign-in">
      <input type="hidden" name="to" value="${to}">
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
      <label for="name">Your name, for the history</label>
      <input id="name" name="name" autocomplete="name" maxlength="60">
      <button>Sign in</button>
    </form>
  </section>`;
  return pageAnswer(401, { title: "Sign in · Crew sync", live, at: null }, false);
}

export function signOutForm(): Html {
  return html`<form method="post" action="/sign-out" class="sign-out"><button>Sign out</button></form>`;
}

/** Only a path of ours: nobody is led elsewhere. */
function pathOf(to: string | null): string {
  return to !== null && /^\/(?!\/|\\)[\w/.?=&~-]*$/.test(to) ? to : "/";
}
