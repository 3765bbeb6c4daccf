import { CONDITIONS, type Condition } from "../rows.ts";
import type { Reader } from "./access.ts";
import { type Answer, json, seeOther } from "./answer.ts";
import { assetAnswer } from "./assets.ts";
import { banners } from "./banners.ts";
import { type Buttons, crewCallPage } from "./crew-call-page.ts";
import { type Directory, pageOf } from "./directory.ts";
import type { FaceDatabase } from "./face-database.ts";
import type { FaceSettings } from "./face-settings.ts";
import { html } from "./html.ts";
import { pageAnswer } from "./layout.ts";
import { overviewPage } from "./overview-page.ts";
import { departmentOf } from "./pieces.ts";
import { type CrewCallPage, readCrewCall } from "./read-crew-call.ts";
import { findCrewCalls, type Overview, readRows } from "./read-overview.ts";
import type { Exchange, Route } from "./routes.ts";
import { SESSION_S, type Sessions } from "./session.ts";
import { cookie, signOutForm } from "./sign-in.ts";
import type { Snapshot } from "./snapshot.ts";
import { CREW_CALL_ID, isUuid } from "./uuid.ts";

export type PageParts = {
  database: FaceDatabase;
  settings: FaceSettings;
  sessions: Sessions;
  overview: (waitMs: number) => Promise<Snapshot<Overview>>;
  directory: (waitMs: number) => Promise<Snapshot<Directory>>;
  mayAct: (waitMs: number) => Promise<Snapshot<boolean>>;
};

const PAGE_SIZE = 50;
const WAIT_MS = 8_000;

/** The status page and its JSON. */
export function pageRoutes(parts: PageParts): Route[] {
  return [
    {
      method: "GET",
      path: /^\/$/,
      access: "reader",
      handle: (exchange, reader) => showOverview(parts, exchange, reader),
    },
    {
      method: "GET",
      path: /^\/status\.json$/,
      access: "reader",
      handle: async (exchange) => json(200, await listed(parts, exchange)),
    },
    {
      method: "GET",
      path: new RegExp(`^/crew-calls/${CREW_CALL_ID}$`),
      access: "reader",
      handle: (exchange, reader) => showCrewCall(parts, exchange, reader),
    },
    {
      method: "GET",
      path: new RegExp(`^/crew-calls/${CREW_CALL_ID}\\.json$`),
      access: "reader",
      async handle({ params }) {
        const found = await parts.database.read((sql) => readCrewCall(sql, params.id ?? ""));
        return found ? json(200, found) : json(404, { error: "NOCAL" });
      },
    },
    {
      method: "GET",
      path: /^\/assets\/[0-9a-f]{8}\/(?<name>[\w.]+)$/,
      access: "open",
      handle: ({ params }) => assetAnswer(params.name ?? "") ?? { ...json(404, { error: "no such file" }) },
    },
  ];
}

/** A page of the list, with what is beside it. */
async function listed({ database, overview, directory }: PageParts, { url }: Exchange) {
  const query = url.searchParams;
  const wanted = query.get("condition");
  const condition: Condition | null = CONDITIONS.find((one) => one === wanted) ?? null;
  const [beside, all] = await Promise.all([overview(WAIT_MS), directory(WAIT_MS)]);
  const page = pageOf(all.value, { condition, after: query.get("after"), size: PAGE_SIZE });
  const rows = await database.read((sql) => readRows(sql, page.entries));
  return {
    condition,
    counts: all.value.counts,
    counted_ms: Math.round(all.ageMs),
    crew_calls: rows,
    next: page.next,
    ...beside.value,
  };
}

async function showOverview(parts: PageParts, exchange: Exchange, reader: Reader): Promise<Answer> {
  const query = exchange.url.searchParams;
  const find = query.get("find")?.trim().toLowerCase() ?? "";
  const found = isUuid(find) ? await parts.database.read((sql) => findCrewCalls(sql, find)) : [];
  const [only] = found;
  if (only && new Set(found.map(({ crew_call_id }) => crew_call_id)).size === 1) {
    return seeOther(`/crew-calls/${only.crew_call_id}`);
  }
  const page = await listed(parts, exchange);
  const directory = (await parts.directory(WAIT_MS)).value;
  const rows = found.length > 0 ? await parts.database.read((sql) => readRows(sql, found)) : page.crew_calls;
  const live = overviewPage({
    overview: page,
    directory,
    countedMs: page.counted_ms,
    rows,
    condition: page.condition,
    next: page.next === null || found.length > 0 ? null : nextPage(page.condition, page.next),
    isFirst: !query.has("after") && found.length === 0,
    notFound: find !== "" && found.length === 0 ? find : null,
    banners: banners({
      state: page.state,
      actions: parts.settings.actions,
      mayAct: await mayAct(parts),
      query,
    }),
  });
  return answer(parts, exchange, reader, { title: "Crew sync", live, at: page.at }, null);
}

function nextPage(condition: Condition | null, next: string): string {
  return `/?${new URLSearchParams({ ...(condition ? { condition } : {}), after: next })}`;
}

async function showCrewCall(parts: PageParts, exchange: Exchange, reader: Reader): Promise<Answer> {
  const id = exchange.params.id ?? "";
  const [found, { value: beside }] = await Promise.all([
    parts.database.read((sql) => readCrewCall(sql, id)),
    parts.overview(WAIT_MS),
  ]);
  if (found === null) {
    const live = html`<p class="back"><a href="/">All crew calls</a></p><section class="headline t-quiet"><h1>This crew call is gone</h1><p>Nothing has the id ${id}.</p></section>`;
    return pageAnswer(404, { title: "Crew sync", live, at: beside.at }, isFragment(exchange));
  }
  const may = await mayAct(parts);
  const notices = banners({
    state: beside.state,
    actions: parts.settings.actions,
    mayAct: may,
    query: exchange.url.searchParams,
  });
  const session = may ? sessionFor(parts, exchange, reader) : null;
  const live = crewCallPage(found, notices, session && { formToken: session.formToken });
  return answer(
    parts,
    exchange,
    reader,
    { title: titleOf(found), live, at: found.at },
    session?.cookie ?? null,
  );
}

const titleOf = ({ crewCall }: CrewCallPage) =>
  `${departmentOf(crewCall.department)} ${crewCall.crew_call_id.slice(0, 8)} · Crew sync`;

async function mayAct({ settings, mayAct: ask }: PageParts): Promise<boolean> {
  return settings.actions && (await ask(WAIT_MS)).value;
}

/** The session that a form's token is bound to; on this machine, without a token, one begins here. */
function sessionFor(
  { sessions }: PageParts,
  { headers }: Exchange,
  reader: Reader,
): (NonNullable<Buttons> & { cookie: string | null }) | null {
  if (reader.by === "token") return null;
  if (reader.by === "session") return { formToken: sessions.formToken(reader.session), cookie: null };
  const value = sessions.begin("");
  const begun = sessions.read(value);
  return begun && { formToken: sessions.formToken(begun), cookie: cookie(headers, value, SESSION_S) };
}

function answer(
  { settings }: PageParts,
  exchange: Exchange,
  reader: Reader,
  page: { title: string; live: ReturnType<typeof html>; at: Date },
  setCookie: string | null,
): Answer {
  const signOut = settings.statusToken !== undefined && reader.by === "session" ? signOutForm() : null;
  const shown = pageAnswer(200, { ...page, signOut }, isFragment(exchange));
  return setCookie === null ? shown : { ...shown, headers: { "Set-Cookie": setCookie } };
}

/** What refreshes asks for the part that changes. */
function isFragment({ headers }: Exchange): boolean {
  return headers["x-fragment"] !== undefined;
}
