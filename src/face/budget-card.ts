import { type Html, html } from "./html.ts";
import type { Overview } from "./read-overview.ts";

/** How many calls to Flex are left in each window. */
export function budgetCard({ budget: left, state, at }: Overview): Html {
  const windows = [
    { name: "this hour", left: left.hourly, limit: state.hourly_limit },
    { name: "this day", left: left.daily, limit: state.daily_limit },
    { name: "this month", left: left.monthly, limit: state.monthly_limit },
  ];
  return html`<section aria-labelledby="budget-title" class="card">
    <h2 id="budget-title">Calls to Flex left</h2>
    <dl class="budget">${windows.map(
      ({ name, left: rest, limit }) => html`<div>
        <dt>${name}</dt>
        <dd><meter min="0" max="${Math.max(limit, 1)}" low="${limit * 0.1}" high="${limit * 0.25}" optimum="${limit}" value="${rest}">${rest} of ${limit}</meter> <b>${grouped(rest)}</b> <span class="quiet">of ${grouped(limit)}</span></dd>
      </div>`,
    )}</dl>
    ${left.frees_at && html`<p class="problem">None is left. The next one frees in ${Math.max(Math.ceil((left.frees_at.getTime() - at.getTime()) / 60_000), 1)} min.</p>`}
  </section>`;
}

const grouped = (number: number) => number.toLocaleString("en");
