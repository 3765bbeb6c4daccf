import * as seen from "./seen.ts";

/** The calls to Flex. The last two are made in the course of another operation: a reading, and one that saw 401. */
export type RouteName = "add" | "set_role" | "remove" | "list" | "identity" | "user";

/** The class of one attempt, as `flex_sync.calls.outcome` says it; of an identity also what it said. */
export type Class =
  | "done"
  | "not_sent"
  | "refused"
  | "denied"
  | "token_refused"
  | "refused_for_now"
  | "rate_limited"
  | "unknown"
  | "doubtful"
  | "gone"
  | "unclear"
  | "unclear unauthorized"
  | "unauthorized";

/** One row of the contract's table: what was seen, and the class that it is on each route. */
export type Row = { seen: string; how: seen.How; is: Record<RouteName, Class> };

const like = (everywhere: Class, but: Partial<Row["is"]> = {}): Row["is"] => ({
  add: everywhere,
  set_role: everywhere,
  remove: everywhere,
  list: everywhere,
  identity: everywhere,
  user: everywhere,
  ...but,
});
const refused = like("refused", { identity: "unclear" });
const oddAnswer = like("unknown", { list: "doubtful", identity: "unclear", user: "doubtful" });
/** A status that says nothing about whether it was done; about an element it is a whole answer all the same. */
const oddStatus = like("unknown", { identity: "unclear" });
const inTwoMinutes = () => new Date(Date.now() + 120_000).toUTCString();

export const TABLE: Row[] = [
  { seen: "what Flex answers", how: seen.plain, is: like("done") },

  // Name, connect or TLS failure before any byte of the request left.
  { seen: "a refused connection", how: seen.refusedConnection, is: like("not_sent") },
  { seen: "a name that does not resolve", how: seen.noSuchName, is: like("not_sent") },
  { seen: "a TLS handshake that is cut off", how: seen.handshakeCutOff, is: like("not_sent") },
  { seen: "a server that does not speak TLS", how: seen.noTls, is: like("not_sent") },
  { seen: "no connection before the deadline", how: seen.handshakeHangs, is: like("not_sent") },

  // Flex looked at it and did nothing.
  { seen: "400", how: seen.status(400), is: refused },
  { seen: "403", how: seen.status(403), is: refused },
  { seen: "404", how: seen.status(404), is: { ...refused, identity: "gone" } },
  { seen: "405", how: seen.status(405), is: refused },
  { seen: "413", how: seen.status(413), is: refused },
  { seen: "415", how: seen.status(415), is: refused },
  { seen: "422", how: seen.status(422), is: refused },

  // 401 is checked against the token.
  {
    seen: "401, and the token works",
    how: seen.unauthorized,
    is: like("denied", { identity: "unclear unauthorized", user: "unauthorized" }),
  },
  {
    seen: "401, and the token does not work",
    how: seen.badToken,
    is: like("token_refused", { identity: "unclear unauthorized", user: "unauthorized" }),
  },

  // Not now, perhaps later.
  { seen: "409", how: seen.status(409), is: like("refused_for_now", { identity: "unclear" }) },
  { seen: "423", how: seen.status(423), is: like("refused_for_now", { identity: "unclear" }) },
  { seen: "429", how: seen.rateLimited(), is: like("rate_limited") },
  { seen: "429, Retry-After in seconds", how: seen.rateLimited(() => "120"), is: like("rate_limited") },
  { seen: "429, Retry-After as a date", how: seen.rateLimited(inTwoMinutes), is: like("rate_limited") },
  { seen: "429, Retry-After is nonsense", how: seen.rateLimited(() => "soon"), is: like("rate_limited") },

  // A whole 2xx answer: what it has to say depends on the call.
  {
    seen: "204, and no body",
    how: seen.body(undefined, 204),
    is: like("done", { add: "unknown", list: "doubtful", identity: "unclear", user: "doubtful" }),
  },
  {
    seen: "200, and an empty object",
    how: seen.body({}),
    is: like("done", { add: "unknown", list: "doubtful", identity: "unclear" }),
  },
  {
    seen: "200, and no ids",
    how: seen.body({ addedResourceLineIds: [], affectedRootLineIds: [] }),
    is: like("done", { add: "unknown", list: "doubtful", identity: "unclear" }),
  },
  {
    seen: "201, and an array of nothing to do with it",
    how: seen.body([{ ok: true }], 201),
    is: like("done", { add: "unknown", identity: "unclear", user: "doubtful" }),
  },

  // A 2xx that is no answer to the question.
  { seen: "an HTML page with 200", how: seen.loginPage, is: oddAnswer },
  { seen: "half of a JSON body with 200", how: seen.body('{"addedResourceLineIds":['), is: oddAnswer },
  { seen: "an exceptionMessage with 200", how: seen.exceptionMessage, is: oddAnswer },
  { seen: "success: false with 200", how: seen.successFalse, is: oddAnswer },

  // Nobody can say whether Flex did it.
  { seen: "202", how: seen.accepted, is: oddStatus },
  { seen: "302", how: seen.redirect, is: oddStatus },
  { seen: "307", how: seen.status(307), is: oddStatus },
  { seen: "408", how: seen.status(408), is: like("unknown") },
  { seen: "402", how: seen.status(402), is: oddStatus },
  { seen: "410", how: seen.status(410), is: oddStatus },
  { seen: "418", how: seen.status(418), is: oddStatus },
  { seen: "451", how: seen.status(451), is: oddStatus },
  { seen: "500", how: seen.status(500), is: oddStatus },
  { seen: "502", how: seen.gateway(502), is: like("unknown") },
  { seen: "503", how: seen.gateway(503), is: like("unknown") },
  { seen: "504", how: seen.gateway(504), is: like("unknown") },
  { seen: "a reset after the request left", how: seen.reset, is: like("unknown") },
  { seen: "a closed connection instead of an answer", how: seen.closedAtOnce, is: like("unknown") },
  { seen: "an answer that is no HTTP", how: seen.notHttp, is: like("unknown") },
  { seen: "no answer", how: seen.noAnswer, is: like("unknown") },
  { seen: "a body that breaks off", how: seen.bodyBreaks, is: like("unknown") },
  { seen: "a body that hangs", how: seen.bodyHangs, is: like("unknown") },
];
