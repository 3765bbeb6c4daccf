import type { Reader } from "./access.ts";
import { type Answer, json } from "./answer.ts";
import { banners } from "./banners.ts";
import { crewCallPage } from "./crew-call-page.ts";
import { html } from "./html.ts";
import { answer, mayAct, type PageParts, sessionFor, WAIT_MS } from "./page-answer.ts";
import { departmentOf } from "./pieces.ts";
import { type CrewCallPage, readCrewCall } from "./read-crew-call.ts";
import type { Exchange, Route } from "./routes.ts";
import { CREW_CALL_ID } from "./uuid.ts";

/** The page of one crew call, and its JSON. */
export function crewCallRoutes(parts: PageParts): Route[] {
  return [
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
  ];
}

async function showCrewCall(parts: PageParts, exchange: Exchange, reader: Reader): Promise<Answer> {
  const id = exchange.params.id ?? "";
  const [found, { value: beside }] = await Promise.all([
    parts.database.read((sql) => readCrewCall(sql, id)),
    parts.overview(WAIT_MS),
  ]);
  if (found === null) {
    const live = html`<p class="back"><a href="/">All crew calls</a></p><section class="headline t-quiet"><h1>This crew call is gone</h1><p>Nothing has the id ${id}.</p></section>`;
    return answer(parts, exchange, reader, { title: "Crew sync", live, at: beside.at }, { status: 404 });
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
    { setCookie: session?.cookie ?? null },
  );
}

const titleOf = ({ crewCall }: CrewCallPage) =>
  `${departmentOf(crewCall.department)} ${crewCall.crew_call_id.slice(0, 8)} · Crew sync`;
