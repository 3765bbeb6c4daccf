import { ConfigurationError } from "../errors.ts";
import { checkBaseUrl } from "../flex-base-url.ts";
import { checkTimeout, checkToken } from "../flex-caller-settings.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Every variable that the commands read, with what help says of it. */
export const VARIABLES = {
  DATABASE_URL: "the database, postgres://USER:PASSWORD@HOST/DATABASE (a pooler will do)",
  LISTEN_DATABASE_URL: "optional: a direct connection for notifications beside a pooler",
  FLEX_BASE_URL: "https://TENANT.flexrentalsolutions.com/f5/api (plain http only to this machine)",
  FLEX_AUTH_TOKEN: "the API key from Flex: Main Menu > Integrations > API (X_AUTH_TOKEN is accepted)",
  FLEX_TIMEOUT_MS: "optional: milliseconds after which a Flex call is given up (15000)",
  PORT: "optional: serve health, metrics and the status page on this port; off when unset",
  HOST: "optional: the address to serve them on (127.0.0.1, reachable from this machine only)",
  STATUS_TOKEN:
    "optional: what opens page and metrics, 16 characters or more; needed unless HOST is this machine only",
  STATUS_ACTIONS: "optional: 1 gives the page its buttons; the database user then needs flex_sync_operator",
  LOG_LEVEL: "optional: debug, info, warn or error (info); debug shows where an error came from",
  NO_COLOR: "optional: no colours, whatever else is set",
  FORCE_COLOR: "optional: colours without a terminal too; 0 takes them away",
} as const;

export type Variable = keyof typeof VARIABLES;

const EXAMPLES: Partial<Record<Variable, string>> = {
  DATABASE_URL: "export DATABASE_URL=postgres://USER:PASSWORD@HOST/DATABASE",
  FLEX_BASE_URL: "export FLEX_BASE_URL=https://TENANT.flexrentalsolutions.com/f5/api",
  FLEX_AUTH_TOKEN: "export FLEX_AUTH_TOKEN=KEY (in Flex: Main Menu > Integrations > API)",
};
const MISSING_CODES: Partial<Record<Variable, string>> = { FLEX_BASE_URL: "BSURL", FLEX_AUTH_TOKEN: "NOTOK" };
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export type DatabaseSettings = { databaseUrl: string; listenDatabaseUrl: string | undefined };
export type FlexSettings = { flexBaseUrl: string; flexAuthToken: string; timeoutMs: number };

/** @throws ConfigurationError DBURL */
export function databaseSettings(env: Env): DatabaseSettings {
  needAll(env, ["DATABASE_URL"]);
  return {
    databaseUrl: checkDatabaseUrl(env, "DATABASE_URL"),
    listenDatabaseUrl: read(env, "LISTEN_DATABASE_URL") && checkDatabaseUrl(env, "LISTEN_DATABASE_URL"),
  };
}

/** @throws ConfigurationError BSURL, NOTOK, TIMEO */
export function flexSettings(env: Env): FlexSettings {
  needAll(env, ["FLEX_BASE_URL", "FLEX_AUTH_TOKEN"]);
  return {
    flexBaseUrl: baseUrlSetting(env),
    flexAuthToken: tokenSetting(env),
    timeoutMs: timeoutSetting(env),
  };
}

/** @throws ConfigurationError BSURL */
export function baseUrlSetting(env: Env): string {
  needAll(env, ["FLEX_BASE_URL"]);
  return naming("FLEX_BASE_URL", () => checkBaseUrl(read(env, "FLEX_BASE_URL")));
}

/** @throws ConfigurationError NOTOK */
export function tokenSetting(env: Env): string {
  needAll(env, ["FLEX_AUTH_TOKEN"]);
  return naming("FLEX_AUTH_TOKEN", () => checkToken(read(env, "FLEX_AUTH_TOKEN")));
}

/** What the daemon needs; everything that is missing is named at once. */
export function drainSettings(env: Env): DatabaseSettings & FlexSettings {
  needAll(env, ["DATABASE_URL", "FLEX_BASE_URL", "FLEX_AUTH_TOKEN"]);
  return { ...databaseSettings(env), ...flexSettings(env) };
}

/** @throws ConfigurationError TIMEO */
export function timeoutSetting(env: Env): number {
  const text = read(env, "FLEX_TIMEOUT_MS");
  if (text === undefined) return 15_000;
  if (Number.isNaN(Number(text))) {
    throw new ConfigurationError(
      "TIMEO",
      `FLEX_TIMEOUT_MS is ${JSON.stringify(text.slice(0, 80))}`,
      "Set it to a positive number of milliseconds, such as 15000.",
    );
  }
  return naming("FLEX_TIMEOUT_MS", () => checkTimeout(Number(text)));
}

/** @throws ConfigurationError LOGLV */
export function logLevel(env: Env): string {
  const level = read(env, "LOG_LEVEL")?.toLowerCase() ?? "info";
  if (LEVELS.includes(level)) return level;
  throw new ConfigurationError("LOGLV", `LOG_LEVEL is ${level}`, `Set it to one of ${LEVELS.join(", ")}.`);
}

/** A variable's value without the blanks and line ends that files and shells leave; undefined when it is empty. */
export function read(env: Env, name: Variable): string | undefined {
  const value = name === "FLEX_AUTH_TOKEN" ? env.FLEX_AUTH_TOKEN?.trim() || env.X_AUTH_TOKEN : env[name];
  return value?.trim() || undefined;
}

/** An error of a check, with the variable that it is about. */
function naming<T>(name: Variable, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(error.code, `${name}: ${error.message}`, error.hint);
  }
}

function needAll(env: Env, names: Variable[]): void {
  const missing = names.filter((name) => read(env, name) === undefined);
  const [first] = missing;
  if (first === undefined) return;
  throw new ConfigurationError(
    MISSING_CODES[first] ?? "DBURL",
    `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not set`,
    missing.map((name) => EXAMPLES[name]).join("\n"),
  );
}

function checkDatabaseUrl(env: Env, name: Variable): string {
  const url = read(env, name) ?? "";
  if (/^postgres(ql)?:\/\/./.test(url)) return url;
  // Not shown: it may be a password in the wrong place.
  throw new ConfigurationError(
    "DBURL",
    `${name} does not begin with postgres://`,
    `It looks like postgres://USER:PASSWORD@HOST:5432/DATABASE; special characters of the password are percent-encoded.`,
  );
}
