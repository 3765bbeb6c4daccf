import { age } from "../cli/terminal/age.ts";
import { CONDITIONS, type Condition } from "../rows.ts";
import { type Html, html } from "./html.ts";
import type { SyncRow } from "./read-overview.ts";
import { CONDITION_WORDS } from "./words.ts";

/** A condition by its name, with a sign that needs no colour. */
export function badge(condition: string): Html {
  const known = CONDITIONS.find((one) => one === condition);
  return html`<span class="badge c-${known ?? "other"}">${known ? CONDITION_WORDS[known].title : condition}</span>`;
}

/** How long ago, with the moment itself for whoever points at it. */
export function ago(at: Date | string | null, now: Date, never = "never"): Html {
  if (at === null) return html`${never}`;
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${iso.replace("T", " ").slice(0, 19)} UTC">${age(at, now)} ago</time>`;
}

/** What to do next. It can be pasted as it is; where there is nothing to do, it is a comment. */
export function nextAction(action: string | null): Html | null {
  if (action === null) return null;
  const comment = /^-- (.)(.*)$/s.exec(action);
  if (comment) return html`<p class="next-plain">${comment[1]?.toUpperCase()}${comment[2]}.</p>`;
  return html`<div class="next"><span class="label">Next</span><code tabindex="0">${action}</code><button type="button" class="copy" data-copy>Copy</button></div>`;
}

/** The part of an id that tells it from others. */
export function shortId(id: string | null): Html | null {
  return id === null ? null : html`<span class="id" title="${id}">${id.slice(0, 8)}</span>`;
}

export function departmentOf(department: string | null): string {
  return department ? department.charAt(0).toUpperCase() + department.slice(1) : "Retired";
}

/** The last syncs, the newest first. */
export function syncList(syncs: readonly SyncRow[], now: Date, { linked }: { linked: boolean }): Html {
  if (syncs.length === 0) return html`<p class="quiet">None yet.</p>`;
  return html`<ol class="syncs">${syncs.map(
    (sync) => html`<li>
      ${sync.finished_at ? badge(sync.outcome ?? "") : html`<span class="badge c-pending">Under way</span>`}
      ${linked && html`<a href="/crew-calls/${sync.crew_call_id}">${shortId(sync.crew_call_id)}</a>`}
      <span class="done">${whatWasDone(sync)}</span>
      <span class="quiet">${ago(sync.requested_at, now)}${sync.requested_by && html` by ${sync.requested_by}`}</span>
    </li>`,
  )}</ol>`;
}

function whatWasDone({ added, removed, roles_set, failed, flex_calls, seconds }: SyncRow): string {
  const parts = [
    added > 0 && `${added} added`,
    removed > 0 && `${removed} removed`,
    roles_set > 0 && `${roles_set} ${roles_set === 1 ? "role" : "roles"} set`,
    failed > 0 && `${failed} failed`,
  ].filter(Boolean);
  const took = seconds === null ? "" : `, ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return `${parts.join(", ") || "nothing changed"} (${flex_calls} ${flex_calls === 1 ? "call" : "calls"}${took})`;
}

/** How many crew calls of each turn there are. */
export function turns(counts: Record<Condition, number>): Record<"yours" | "ours" | "nobody's", number> {
  const sums = { yours: 0, ours: 0, "nobody's": 0 };
  for (const condition of CONDITIONS) sums[CONDITION_WORDS[condition].turn] += counts[condition];
  return sums;
}
