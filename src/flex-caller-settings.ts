import { ConfigurationError } from "./errors.ts";

const MAX_TIMEOUT_MS = 2_147_483_647; // what setTimeout can hold

/**
 * Returns the token if it can be a header value: printable ASCII without spaces. Flex keys are about 36 letters and
 * digits (recorded), JWTs have dots, dashes and underscores.
 *
 * @throws ConfigurationError NOTOK, which never shows the value.
 */
export function checkToken(token: string | undefined): string {
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  const what =
    (token ?? "").trim() === "" ? "is empty" : "holds spaces, line breaks or characters that no token has";
  throw new ConfigurationError(
    "NOTOK",
    `the Flex token ${what}`,
    "Set FLEX_AUTH_TOKEN to the API key from Flex: Main Menu > Integrations > API.",
  );
}

/** @throws ConfigurationError TIMEO unless it is a positive number of milliseconds. */
export function checkTimeout(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  throw new ConfigurationError(
    "TIMEO",
    `the Flex timeout is ${timeoutMs} ms`,
    "Set FLEX_TIMEOUT_MS to a positive number of milliseconds, such as 15000.",
  );
}
