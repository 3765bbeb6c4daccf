import { CONDITIONS, type Condition, type CrewCallStatusRow } from "../rows.ts";
import { budgetCard } from "./budget-card.ts";
import type { Directory } from "./directory.ts";
import { type Html, html } from "./html.ts";
import { ago, badge, departmentOf, nextAction, shortId, syncList, turns } from "./pieces.ts";
import type { Overview } from "./read-overview.ts";
import { CONDITION_WORDS, sentenceForCall } from "./words.ts";

export type OverviewParts = {
  overview: Overview;
  /** Null while they are counted for the first time. */
  counts: Directory["counts"] | null;
  /** How old the counts are, milliseconds. */
  countedMs: number | null;
  rows: readonly CrewCallStatusRow[];
  condition: Condition | null;
  /** The address of the next page; null on the last. */
  next: string | null;
  isFirst: boolean;
  /** What nobody found who looked for it. */
  notFound: string | null;
  banners: Html | null;
};

/** The first page: how everything stands, the most urgent first. */
export function overviewPage(parts: OverviewParts): Html {
  const { overview, counts, banners } = parts;
  return html`
    ${counts ? headline(counts, parts.countedMs ?? 0) : counting()}
    ${banners}
    <div class="columns">
      <section aria-labelledby="calls-title" class="calls-part">
        <h2 id="calls-title">Crew calls</h2>
        ${counts && filters(counts, parts.condition)}
        ${crewCalls(parts)}
        ${paging(parts)}
        ${search(parts.notFound)}
      </section>
      <aside>
        ${budgetCard(overview)}
        <section aria-labelledby="syncs-title" class="card">
          <h2 id="syncs-title">Recent syncs</h2>
          ${syncList(overview.syncs, overview.at, { linked: true })}
        </section>
      </aside>
    </div>`;
}

function headline(counts: Directory["counts"], countedMs: number): Html {
  const { yours, ours, "nobody's": well } = turns(counts);
  const all = yours + ours + well;
  const [tone, title] =
    all === 0
      ? ["quiet", "No crew calls yet"]
      : counts.paused > 0
        ? ["yours", "Everything is paused"]
        : yours > 0
          ? ["yours", `${calls(yours)} ${yours === 1 ? "needs" : "need"} you`]
          : ours > 0
            ? ["ours", "Nothing needs you"]
            : ["well", "Everything is in sync"];
  const rest = [
    ours > 0 && `${ours} ${ours === 1 ? "goes" : "go"} on by ${ours === 1 ? "itself" : "themselves"}`,
    well > 0 && `${well} ${well === 1 ? "is" : "are"} in sync`,
  ].filter(Boolean);
  return html`<section class="headline t-${tone}">
    <div role="status"><h1>${title}</h1></div>
    <p>${rest.length > 0 && `${rest.join(", ")}.`} ${countedMs > 20_000 && html`<span class="quiet">Counted ${Math.round(countedMs / 1_000)} s ago.</span>`}</p>
  </section>`;
}

function counting(): Html {
  return html`<section class="headline t-quiet">
    <div role="status"><h1>Counting the crew calls</h1></div>
    <p>There are many. The most urgent ones are below.</p>
  </section>`;
}

const calls = (number: number) => (number === 1 ? "One crew call" : `${number} crew calls`);

function filters(counts: Directory["counts"], chosen: Condition | null): Html {
  const all = CONDITIONS.reduce((sum, condition) => sum + counts[condition], 0);
  const chip = (href: string, title: string, count: number, is: boolean, name: string) =>
    html`<li><a href="${href}" class="chip c-${name}"${is && html` aria-current="true"`}>${title} <b>${count}</b></a></li>`;
  return html`<nav aria-label="Crew calls by condition"><ul class="chips">
    ${chip("/", "All", all, chosen === null, "all")}
    ${CONDITIONS.filter((condition) => counts[condition] > 0 || condition === chosen).map((condition) =>
      chip(
        `/?condition=${condition}`,
        CONDITION_WORDS[condition].title,
        counts[condition],
        chosen === condition,
        condition,
      ),
    )}
  </ul></nav>`;
}

function crewCalls({ rows, overview, condition }: OverviewParts): Html {
  if (rows.length === 0) {
    return html`<p class="empty">${condition === null ? "There is no crew call here." : "No crew call is like that now."}</p>`;
  }
  return html`<ol class="calls">${rows.map((row) => crewCallRow(row, overview.at))}</ol>`;
}

function crewCallRow(row: CrewCallStatusRow, now: Date): Html {
  const needsSomebody =
    CONDITION_WORDS[row.condition].turn === "yours" || row.next_action?.startsWith("select ");
  return html`<li class="call c-${row.condition}" data-key="${row.crew_call_id} ${row.flex_element_id}">
    <div class="call-head">
      <a class="call-title" href="/crew-calls/${row.crew_call_id}">${departmentOf(row.department)} ${shortId(row.crew_call_id)}</a>
      ${badge(row.condition)}
      <span class="counts">${row.recorded} of ${row.desired} there</span>
    </div>
    ${row.reason !== null && html`<p class="why">${sentenceForCall(row.condition, row.reason)} <code class="reason">${row.reason}</code></p>`}
    ${needsSomebody && row.next_action !== null && html`<details><summary>What to do next</summary>${nextAction(row.next_action)}</details>`}
    <p class="quiet meta">Job ${shortId(row.job_id) ?? "gone"} · read in Flex ${ago(row.observed_at, now)} · last sync ${ago(row.last_sync_at, now)}</p>
  </li>`;
}

function paging({ next, isFirst, condition }: OverviewParts): Html | null {
  if (next === null && isFirst) return null;
  return html`<nav class="paging" aria-label="Pages">
    ${isFirst ? html`<span></span>` : html`<a href="${condition === null ? "/" : `/?condition=${condition}`}">To the first page</a>`}
    ${next !== null && html`<a href="${next}" rel="next">Next page</a>`}
  </nav>`;
}

function search(notFound: string | null): Html {
  return html`<form class="search" role="search" action="/" method="get">
    <label for="find">Find by the id of a crew call, its job or its Flex document</label>
    <span class="field"><input id="find" name="find" inputmode="text" autocomplete="off" spellcheck="false" maxlength="60" placeholder="00000000-0000-…"><button>Find</button></span>
    ${notFound !== null && html`<p class="problem" role="alert">Nothing has the id ${notFound}.</p>`}
  </form>`;
}
