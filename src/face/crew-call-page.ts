import { CONDITIONS } from "../rows.ts";
import { type Html, html } from "./html.ts";
import { ago, badge, departmentOf, nextAction, shortId, syncList } from "./pieces.ts";
import type { CrewCallPage, HeldRow, PersonRow } from "./read-crew-call.ts";
import { REMOVAL_WORDS, sentenceFor, sentenceForCall } from "./words.ts";

/** What the buttons of a crew call are made of; null where there are none. */
export type Buttons = { formToken: string } | null;

/** One crew call: how it stands and why, person by person, and what is held. */
export function crewCallPage(
  { crewCall, persons, held, problems, syncs, at }: CrewCallPage,
  banners: Html | null,
  buttons: Buttons,
): Html {
  return html`
    <p class="back"><a href="/">All crew calls</a></p>
    <section class="headline one c-${crewCall.condition}">
      <h1>${departmentOf(crewCall.department)} ${shortId(crewCall.crew_call_id)}</h1>
      <p class="state" role="status">${badge(crewCall.condition)} ${sentenceForCall(crewCall.condition, crewCall.reason)} ${crewCall.reason && html`<code class="reason">${crewCall.reason}</code>`}</p>
      ${problems.map((problem) => html`<pre class="said">${problem}</pre>`)}
      ${nextAction(crewCall.next_action)}
      ${buttons && callButtons(crewCall.crew_call_id, Number(crewCall.failed), buttons.formToken)}
    </section>
    ${banners}
    ${held.length > 0 && heldPart(crewCall.crew_call_id, crewCall.plan, held, buttons)}
    <div class="columns">
      <section aria-labelledby="people-title">
        <h2 id="people-title">People</h2>
        ${people(persons, crewCall.next_action, at)}
      </section>
      <aside>
        <section class="card" aria-labelledby="facts-title">
          <h2 id="facts-title">Numbers</h2>
          <dl class="facts">
            <div><dt>On the job</dt><dd>${crewCall.desired}</dd></div>
            <div><dt>Recorded in Flex</dt><dd>${crewCall.recorded}</dd></div>
            <div><dt>Lines that Flex shows</dt><dd>${crewCall.observed}</dd></div>
            <div><dt>Read in Flex</dt><dd>${ago(crewCall.observed_at, at)}</dd></div>
            <div><dt>Last sync</dt><dd>${ago(crewCall.last_sync_at, at)}</dd></div>
            <div class="wide"><dt>Crew call</dt><dd><code>${crewCall.crew_call_id}</code></dd></div>
            <div class="wide"><dt>Flex document</dt><dd><code>${crewCall.flex_element_id ?? "none"}</code></dd></div>
            <div class="wide"><dt>Job</dt><dd><code>${crewCall.job_id ?? "gone"}</code></dd></div>
          </dl>
        </section>
        <section class="card" aria-labelledby="syncs-title">
          <h2 id="syncs-title">Recent syncs</h2>
          ${syncList(syncs, at, { linked: false })}
        </section>
      </aside>
    </div>`;
}

function callButtons(id: string, failed: number, token: string): Html {
  return html`<div class="buttons">
    ${failed > 0 && button(id, "retry", failed === 1 ? "Retry what failed" : `Retry the ${failed} that failed`, token)}
    ${button(id, "sync", "Sync now", token)}
  </div>`;
}

function button(id: string, action: string, title: string, token: string): Html {
  return html`<form method="post" action="/crew-calls/${id}/${action}"><input type="hidden" name="token" value="${token}"><button>${title}</button></form>`;
}

function heldPart(id: string, plan: string | null, held: readonly HeldRow[], buttons: Buttons): Html {
  const lines = held.length === 1 ? "this line" : `these ${held.length} lines`;
  return html`<section class="held c-held" aria-labelledby="held-title">
    <h2 id="held-title">Held: a yes would remove ${lines} from Flex</h2>
    ${[...new Set(held.map(({ brake }) => brake))].map((brake) => html`<p>${sentenceFor("held", brake)} <code class="reason">${brake}</code></p>`)}
    <ul class="lines">${held.map(
      (line) =>
        html`<li><b>${line.name ?? "Without a name"}</b> <span class="quiet">${REMOVAL_WORDS[line.reason] ?? line.reason} · line ${shortId(line.flex_line_item_id)}${line.technician_id && html` · person ${shortId(line.technician_id)}`}</span></li>`,
    )}</ul>
    ${buttons && plan !== null && decision(id, plan, lines, buttons.formToken)}
  </section>`;
}

function decision(id: string, plan: string, lines: string, token: string): Html {
  return html`<div class="buttons">
    <form method="post" action="/crew-calls/${id}/approve" class="confirm">
      <input type="hidden" name="token" value="${token}"><input type="hidden" name="plan" value="${plan}">
      <label><input type="checkbox" name="sure" value="yes" required> I have read the list</label>
      <button class="danger">Yes, remove ${lines}</button>
    </form>
    <form method="post" action="/crew-calls/${id}/reject">
      <input type="hidden" name="token" value="${token}"><input type="hidden" name="plan" value="${plan}">
      <button>No, keep ${lines}</button>
    </form>
  </div>`;
}

function people(persons: readonly PersonRow[], shownAction: string | null, now: Date): Html {
  if (persons.length === 0) return html`<p class="empty">Nobody is on the job, and nobody is there.</p>`;
  const urgency = ({ condition }: PersonRow) => CONDITIONS.indexOf(condition);
  const name = (person: PersonRow) => person.name ?? "\uffff";
  const sorted = [...persons].sort(
    (one, other) => urgency(one) - urgency(other) || name(one).localeCompare(name(other)),
  );
  return html`<ul class="people">${sorted.map((person) => personRow(person, shownAction, now))}</ul>`;
}

function personRow(person: PersonRow, shownAction: string | null, now: Date): Html {
  const { condition, reason, error, next_action, technician_id } = person;
  const isWell = condition === "synced" && reason === null;
  // Held lines are answered together, above.
  const action = isWell || next_action === shownAction || condition === "held" ? null : next_action;
  return html`<li class="person c-${condition}" data-key="${technician_id ?? person.observed_line_item_id}">
    <div class="person-head"><b>${person.name ?? (technician_id ? html`Person ${shortId(technician_id)}` : "A line without a name")}</b> ${badge(condition)}</div>
    ${!isWell && condition !== "held" && html`<p class="why">${sentenceFor(condition, reason)} ${reason && html`<code class="reason">${reason}</code>`}</p>`}
    ${error !== null && (condition === "failed" || condition === "unknown") && html`<pre class="said">${error}</pre>`}
    ${nextAction(action)}
    <p class="quiet meta">${technician_id ? html`Person ${shortId(technician_id)}` : html`Line ${shortId(person.observed_line_item_id)}`}${person.role_code && html` · ${person.role_code}`}${!person.desired && " · not on the job"}${person.since && html` · since ${ago(person.since, now)}`}</p>
  </li>`;
}
