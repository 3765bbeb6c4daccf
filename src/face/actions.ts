import type { TransactionSql } from "postgres";
import { messageOf, sqlstateOf } from "../drainer/database-error.ts";
import type { Log } from "../drainer/log.ts";
import type { Reader } from "./access.ts";
import { type Answer, plain, seeOther } from "./answer.ts";
import type { FaceDatabase } from "./face-database.ts";
import type { FaceSettings } from "./face-settings.ts";
import type { Route } from "./routes.ts";
import type { Sessions } from "./session.ts";
import { CREW_CALL_ID } from "./uuid.ts";

export type ActionParts = { database: FaceDatabase; settings: FaceSettings; sessions: Sessions; log: Log };

type Act = (
  sql: TransactionSql,
  crewCall: string,
  form: URLSearchParams,
  who: string,
) => PromiseLike<unknown>;

/** What each button does: an operator's function, and the trace that it leaves. */
const ACTIONS: Readonly<Record<string, Act>> = {
  sync: (sql, crewCall, _, who) =>
    sql`select sync_crew_call(${crewCall}::uuid, requested_by => ${who}::text)`,
  retry: (sql, crewCall) => sql`select flex_sync.retry_failed(${crewCall}::uuid)`,
  approve: (sql, crewCall, form) =>
    sql`select flex_sync.approve_removals(${crewCall}::uuid, ${form.get("plan") ?? ""}::text)`,
  reject: (sql, crewCall, form) =>
    sql`select flex_sync.reject_removals(${crewCall}::uuid, ${form.get("plan") ?? ""}::text)`,
};

/** The buttons; without STATUS_ACTIONS there are none. */
export function actionRoutes(parts: ActionParts): Route[] {
  if (!parts.settings.actions) return [];
  return Object.entries(ACTIONS).map(([name, act]) => ({
    method: "POST" as const,
    path: new RegExp(`^/crew-calls/${CREW_CALL_ID}/${name}$`),
    access: "reader" as const,
    handle: ({ params, form }, reader) =>
      press(parts, { name, act, crewCall: params.id ?? "", form, reader }),
  }));
}

type Press = { name: string; act: Act; crewCall: string; form: URLSearchParams; reader: Reader };

async function press(
  { database, sessions, log }: ActionParts,
  { name, act, crewCall, form, reader }: Press,
): Promise<Answer> {
  const back = `/crew-calls/${crewCall}`;
  if (!isMeant(sessions, reader, form)) return seeOther(`${back}?problem=AGAIN`);
  if (name === "approve" && form.get("sure") !== "yes")
    return plain(400, "Tick that you have read the list.");
  const who = nameOf(reader);
  try {
    await database.change(async (sql) => {
      // operator_log shows it beside the database user. A sync tells it by its own parameter: the host may read claims.
      if (name !== "sync")
        await sql`select set_config('request.jwt.claims', ${JSON.stringify({ sub: who })}::text, true)`;
      await act(sql, crewCall, form, who);
    });
    log.info({ action: name, crew_call_id: crewCall, who }, "button");
    return seeOther(`${back}?done=${name}`);
  } catch (error) {
    log.warn({ action: name, crew_call_id: crewCall, who, error: messageOf(error) }, "button");
    return seeOther(`${back}?problem=${sqlstateOf(error) ?? "ERROR"}`);
  }
}

/** A cookie alone is not enough: the form has to know the session's token. The status token itself is. */
function isMeant(sessions: Sessions, reader: Reader, form: URLSearchParams): boolean {
  if (reader.by === "token") return true;
  return reader.by === "session" && sessions.isFormToken(reader.session, form.get("token") ?? "");
}

/** Who pressed it, for the history. */
function nameOf(reader: Reader): string {
  const name = reader.by === "session" ? reader.session.name : "";
  return name === "" ? "status page" : `status page: ${name}`;
}
