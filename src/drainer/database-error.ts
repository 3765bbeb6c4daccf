import { ConfigurationError, FlexCrewSyncError } from "../errors.ts";

/** SQLSTATEs that waiting does not mend, and what does. */
const HOPELESS: Record<string, { code: string; hint: string }> = {
  "28P01": { code: "DBURL", hint: "Correct user and password in DATABASE_URL." },
  "28000": { code: "DBURL", hint: "Correct the user in DATABASE_URL, or let it in (pg_hba.conf)." },
  "3D000": { code: "DBURL", hint: "Correct the database name in DATABASE_URL." },
  "3F000": { code: "NOINS", hint: "Install first: flex-crew-sync migrate." },
  "42883": { code: "NOINS", hint: "Install or update first: flex-crew-sync migrate." },
  "42P01": { code: "NOINS", hint: "Install or update first: flex-crew-sync migrate." },
  "42501": { code: "DBPRI", hint: "Grant the role flex_sync_drainer to this database user." },
  LEASE: { code: "LEASE", hint: "Lower FLEX_TIMEOUT_MS, or raise flex_sync.settings.lease." },
};

/** SQLSTATEs after which the very same statement may succeed at once: another transaction was in the way. */
const IN_THE_WAY = new Set(["40001", "40P01", "55P03"]);

/** Classes of SQLSTATE that say something about the moment and nothing about the statement. */
const OF_THE_MOMENT = new Set(["08", "40", "53", "55", "57", "58"]);

/** The database has become a standby: the one to write to is elsewhere, behind the same name. */
const READ_ONLY = "25006";

/** The five characters of an error that Postgres itself answered. */
export function sqlstateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === "string" && severity !== undefined ? code : undefined;
}

/** An error that somebody has to mend, as the typed error that says how; undefined for one that time may mend. */
export function hopelessError(error: unknown): FlexCrewSyncError | undefined {
  if (error instanceof FlexCrewSyncError) return error;
  const found = HOPELESS[sqlstateOf(error) ?? ""];
  return found && new ConfigurationError(found.code, messageOf(error), found.hint);
}

export function isInTheWay(error: unknown): boolean {
  return IN_THE_WAY.has(sqlstateOf(error) ?? "");
}

/** Whether the same statement may succeed later: nobody answered, or what was answered is about the moment. */
export function mayPass(error: unknown): boolean {
  const sqlstate = sqlstateOf(error);
  return sqlstate === undefined || sqlstate === READ_ONLY || OF_THE_MOMENT.has(sqlstate.slice(0, 2));
}

export function needsAnotherServer(error: unknown): boolean {
  return sqlstateOf(error) === READ_ONLY;
}

/** Whether a function of ours refused the isolation level of its transaction. */
export function wantsReadCommitted(error: unknown): boolean {
  return sqlstateOf(error) === "ISOLA";
}

/** What went wrong in one line; connection errors of several addresses are one. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  const { code } = (error ?? {}) as { code?: unknown };
  const text = error instanceof Error ? error.message || String(code ?? error.name) : String(error);
  return text.split("\n")[0] ?? text;
}
