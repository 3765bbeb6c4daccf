import { CommanderError } from "commander";
import { messageOf } from "../drainer/database-error.ts";
import { type Env, read } from "./environment.ts";

/** An error as people and programs get it. */
export type ExplainedError = { code: string; message: string; hint: string | null };

const NOT_INSTALLED = "flex-crew-sync is not installed in this database, or an older version is";
const GRANT =
  "Grant this database user flex_sync_app (sync, status), flex_sync_drainer (drain) or flex_sync_operator (doctor, audit: which reads your tables too); migrate needs the owner of the tables.";
const POLICY = "A policy would hide rows: ask as the owner of the table, or as a user with bypassrls.";
const CONNECTION =
  /^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|CONNECT_TIMEOUT|CONNECTION_|08|57P0[123]|53300)/;

/** What happened, and what to do about it. */
export function explainError(error: unknown, env: Env): ExplainedError {
  const { code: given } = (error ?? {}) as { code?: unknown };
  const code = typeof given === "string" ? given : "ERROR";
  const message = messageOf(error);
  const { hint: advice } = (error ?? {}) as { hint?: unknown };
  const hint = typeof advice === "string" && advice !== "" ? advice : null;
  if (error instanceof CommanderError)
    return { code: "USAGE", message: message.replace(/^error: /, ""), hint };
  if (CONNECTION.test(code)) {
    return {
      code: "DBURL",
      message: `the database does not answer at ${whereIs(env)}: ${message}`,
      hint: "See that the server runs and that DATABASE_URL names its host and port.",
    };
  }
  switch (code) {
    case "3F000":
    case "42883":
    case "42P01":
    case "42703":
      return {
        code: "NOINS",
        message: `${NOT_INSTALLED}: ${message}`,
        hint: "Run: flex-crew-sync migrate",
      };
    case "42501":
      return {
        code: "DBPRI",
        message,
        hint: /row-level security/.test(message) ? POLICY : GRANT,
      };
    case "28P01":
    case "28000":
      return { code: "DBURL", message, hint: "Correct user and password in DATABASE_URL." };
    case "3D000":
      return { code: "DBURL", message, hint: "Correct the database name in DATABASE_URL." };
    case "ERR_INVALID_URL":
      return {
        code: "DBURL",
        message: "DATABASE_URL cannot be read as an address",
        hint: "It looks like postgres://USER:PASSWORD@HOST:5432/DATABASE; special characters of the password are percent-encoded.",
      };
    default:
      return { code, message, hint };
  }
}

/** Host, port and database of DATABASE_URL, without user and password. */
export function whereIs(env: Env): string {
  const url = read(env, "DATABASE_URL") ?? "";
  return (
    url
      .replace(/^\w+:\/\//, "")
      .replace(/^.*@/s, "")
      .replace(/\?.*$/s, "") || "DATABASE_URL"
  );
}
