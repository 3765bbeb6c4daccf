import { CONDITIONS, type Condition } from "../rows.ts";
import type { Reader } from "./access.ts";
import { type Answer, json, seeOther } from "./answer.ts";
import { assetAnswer } from "./assets.ts";
import { banners } from "./banners.ts";
import { crewCallRoutes } from "./crew-call-routes.ts";
import { listCrewCalls } from "./list-crew-calls.ts";
import { overviewPage } from "./overview-page.ts";
import { answer, mayAct, type PageParts, WAIT_MS } from "./page-answer.ts";
import { findCrewCalls, readRows } from "./read-overview.ts";
import type { Exchange, Route } from "./routes.ts";
import { isUuid } from "./uuid.ts";

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
    ...crewCallRoutes(parts),
    {
      method: "GET",
      path: /^\/assets\/[0-9a-f]{8}\/(?<name>[\w.]+)$/,
      access: "open",
      handle: ({ params }) => assetAnswer(params.name ?? "") ?? json(404, { error: "no such file" }),
    },
  ];
}

/** A page of the list, with what is beside it. */
async function listed(parts: PageParts, { url }: Exchange) {
  const query = url.searchParams;
  const wanted = query.get("condition");
  const condition: Condition | null = CONDITIONS.find((one) => one === wanted) ?? null;
  const { value: beside } = await parts.overview(WAIT_MS);
  const { rows, ...list } = await listCrewCalls(parts, { condition, after: query.get("after") });
  return { ...beside, condition, ...list, crew_calls: rows };
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
  const rows = found.length > 0 ? await parts.database.read((sql) => readRows(sql, found)) : page.crew_calls;
  const live = overviewPage({
    overview: page,
    counts: page.counts,
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
  return answer(parts, exchange, reader, { title: "Crew sync", live, at: page.at });
}

function nextPage(condition: Condition | null, next: string): string {
  return `/?${new URLSearchParams({ ...(condition ? { condition } : {}), after: next })}`;
}
