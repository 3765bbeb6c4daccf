import { ConfigurationError } from "./errors.ts";

const SHAPE = "https://TENANT.flexrentalsolutions.com/f5/api";

/**
 * Checks the address of a Flex tenant's API and returns it without a trailing slash.
 *
 * Flex answers only below `/f5/api`; outside `/f5` Apache answers 403 with HTML (recorded). Plain http is
 * accepted for loopback hosts only, because every request carries the token.
 *
 * @throws ConfigurationError BSURL; it names the value, without user, password, query or fragment.
 */
export function checkBaseUrl(url: string | undefined): string {
  const value = (url ?? "").trim();
  if (value === "") throw badBaseUrl("the Flex base URL is empty");
  if (!URL.canParse(value)) throw badBaseUrl(`the Flex base URL is no URL: ${showUnparsable(value)}`);

  const parsed = new URL(value);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") {
    throw badBaseUrl(`the Flex base URL is neither https nor http: ${showUnparsable(value)}`);
  }
  const shown = show(parsed);
  if (parsed.username !== "" || parsed.password !== "") {
    throw badBaseUrl(`the Flex base URL carries a user or a password: ${shown}`);
  }
  if (parsed.search !== "" || parsed.hash !== "") {
    throw badBaseUrl(`the Flex base URL carries a query or a fragment: ${shown}`);
  }
  if (parsed.protocol === "http:" && !isLoopback(parsed.hostname)) {
    throw badBaseUrl(`the Flex base URL would send the token unencrypted: ${shown}`);
  }
  const path = parsed.pathname.replace(/\/+$/, "");
  if (!path.endsWith("/f5/api")) throw badBaseUrl(`the Flex base URL does not end in /f5/api: ${shown}`);
  return `${parsed.origin}${path}`;
}

function badBaseUrl(message: string): ConfigurationError {
  return new ConfigurationError(
    "BSURL",
    message,
    `It looks like ${SHAPE} (plain http only to this machine).`,
  );
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function show(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200);
}

/** A value that is no web address may be a token put in the wrong place: it is shown only if it has a path. */
function showUnparsable(value: string): string {
  if (!value.includes("/")) return `${value.length} characters, not shown because they could be a token`;
  return value
    .replace(/^.*@/s, "")
    .replace(/[?#].*$/s, "")
    .slice(0, 200);
}
