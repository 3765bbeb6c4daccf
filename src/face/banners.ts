import { type Html, html } from "./html.ts";
import type { WorkState } from "./read-work-state.ts";
import { sentenceFor } from "./words.ts";

/** What was done by a button, by its name. */
const DONE: Readonly<Record<string, string>> = {
  sync: "A sync is asked for. What it does shows here.",
  retry: "What failed is tried again after a look at Flex.",
  approve: "You said yes. The lines are removed after one more look at Flex.",
  reject: "You said no. The lines stay.",
};

/** What kept a button from doing it, by error code. */
const PROBLEMS: Readonly<Record<string, string>> = {
  "42501":
    "The daemon's database user may not do that. An administrator has to run: grant flex_sync_operator to that user.",
  NOTAL:
    "The host application does not let the daemon's database user sync this crew call (flex_sync.may_sync).",
  NOPLN: "What is held has changed meanwhile. Read the list again; nothing was decided.",
  NORET: "That cannot be tried again in its state.",
  NOCAL: "This crew call is gone.",
  AGAIN: "This page was older than the daemon. Nothing was done; press the button again.",
};

export type BannerParts = {
  state: WorkState;
  /** Whether buttons are asked for, and whether the database lets them work. */
  actions: boolean;
  mayAct: boolean;
  query: URLSearchParams;
};

/** What concerns everything, and what became of a button. */
export function banners({ state, actions, mayAct, query }: BannerParts): Html {
  const done = DONE[query.get("done") ?? ""];
  const code = /^[A-Z0-9]{5}$/.exec(query.get("problem") ?? "")?.[0];
  return html`
    ${done !== undefined && html`<p class="banner good" role="status">${done}</p>`}
    ${code !== undefined && html`<p class="banner bad" role="alert">${PROBLEMS[code] ?? "It did not work. The daemon's log says why."} <code class="reason">${code}</code></p>`}
    ${state.paused && html`<p class="banner bad"><b>Paused.</b> Nothing is sent to Flex until somebody resumes.${state.paused_reason && html` Why: ${state.paused_reason}`}</p>`}
    ${state.breaker_reason !== null && breaker(state, state.breaker_reason)}
    ${actions && !mayAct && html`<p class="banner">The buttons are off: the daemon's database user needs the role <code>flex_sync_operator</code> for them.</p>`}`;
}

function breaker({ breaker_seconds, breaker_error }: WorkState, reason: string): Html {
  const minutes = Math.floor((breaker_seconds ?? 0) / 60);
  const since = minutes === 0 ? "for less than a minute" : `for ${minutes} min`;
  const condition = reason === "token_refused" ? "blocked" : "pending";
  return html`<div class="banner bad"><p><b>No calls to Flex ${since}.</b> ${sentenceFor(condition, reason)} <code class="reason">${reason}</code></p>
    ${breaker_error !== null && html`<pre class="said">${breaker_error}</pre>`}</div>`;
}
