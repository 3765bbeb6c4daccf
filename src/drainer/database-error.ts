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
const TRANSIENT = new Set(["40001", "40P01", "55P03"]);

export function sqlstateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** An error that somebody has to mend, as the typed error that says how; undefined for one that time may mend. */
export function hopelessError(error: unknown): FlexCrewSyncError | undefined {
  if (error instanceof FlexCrewSyncError) return error;
  const found = HOPELESS[sqlstateOf(error) ?? ""];
  return found && new ConfigurationError(found.code, messageOf(error), found.hint);
}

export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(sqlstateOf(error) ?? "");
}

/** What went wrong in one line; connection errors of several addresses are one. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  const text = error instanceof Error ? error.message || sqlstateOf(error) || error.name : String(error);
  return text.split("\n")[0] ?? text;
}
