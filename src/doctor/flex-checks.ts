import { randomUUID } from "node:crypto";
import { inReadCommitted } from "../cli/database.ts";
import { baseUrlSetting, type Env, read, tokenSetting } from "../cli/environment.ts";
import { messageOf } from "../drainer/database-error.ts";
import { checkBaseUrl } from "../flex-base-url.ts";
import { createFlexCaller } from "../flex-caller.ts";
import type { ReadOutcome } from "../flex-outcome.ts";
import type { FlexUser } from "../flex-user.ts";
import { type Check, check, type Found, fail, ok, type Patient, warn } from "./check.ts";

/** Flex: the address, the token, and whether one call with both works. */
export async function flexChecks(
  env: Env,
  patient: Patient | undefined,
  timeoutMs: number,
): Promise<Check[]> {
  const checks = [
    await check("flex_base_url", () => baseUrl(env)),
    await check("flex_token", () => {
      return ok(`a token of ${tokenSetting(env).length} characters is set`);
    }),
  ];
  if (checks.every(({ status }) => status === "ok"))
    checks.push(await check("flex", () => askFlex(env, patient, Math.min(timeoutMs, 15_000))));
  return checks;
}

function baseUrl(env: Env): Found {
  try {
    return ok(baseUrlSetting(env));
  } catch (error) {
    const { hint } = error as { hint?: string };
    const meant = likelyBaseUrl(read(env, "FLEX_BASE_URL"));
    return fail(
      messageOf(error),
      meant ? "It is probably:" : (hint ?? "Set it."),
      meant && `export FLEX_BASE_URL=${meant}`,
    );
  }
}

/** What somebody meant who left the path out, copied another page's address, or wrote http; null where nobody knows. */
function likelyBaseUrl(value: string | undefined): string | null {
  const url = value?.includes("://") ? value : `https://${value}`;
  if (!value?.includes(".") || !URL.canParse(url)) return null;
  const { host, hostname, protocol, username, password } = new URL(url);
  if (!/^https?:$/.test(protocol) || username || password || !hostname.includes(".")) return null;
  const same = `${protocol}//${host}/f5/api`;
  return isBaseUrl(same) ? same : `https://${host}/f5/api`;
}

function isBaseUrl(url: string): boolean {
  try {
    return checkBaseUrl(url) === url;
  } catch {
    return false;
  }
}

/** One call of current-user, counted in the budget that all drainers share if this user may count. */
async function askFlex(env: Env, patient: Patient | undefined, timeoutMs: number): Promise<Found> {
  const counted = await countCall(patient, timeoutMs);
  if (counted === null) {
    return warn(
      "not asked: no Flex call is left in the budget",
      "Wait until one frees, see the check quota.",
    );
  }
  const caller = createFlexCaller({ baseUrl: baseUrlSetting(env), token: tokenSetting(env), timeoutMs });
  const outcome = await caller.currentUser().finally(() => caller.close());
  if (typeof counted === "string" && patient) {
    const status = outcome.status;
    const error = outcome.class === "done" ? null : outcome.error;
    await patient.sql`
      select flex_sync.close_call(${counted}::bigint, ${outcome.class}::text, ${status}::int, ${error}::text)`;
  }
  const found = judge(outcome);
  return counted === undefined
    ? { ...found, message: `${found.message} (this call is not counted in the budget)` }
    : found;
}

/** @returns the call's number; null when none is left; undefined when it cannot be counted */
async function countCall(
  patient: Patient | undefined,
  timeoutMs: number,
): Promise<string | null | undefined> {
  if (!patient) return undefined;
  try {
    const [row] = await inReadCommitted(
      patient.sql,
      (transaction) => transaction<{ number: string | null }[]>`
        select flex_sync.claim_call(${`doctor ${randomUUID().slice(0, 8)}`}::text, 'user'::text,
          ${`${timeoutMs} milliseconds`}::interval, null::bigint)::text as number`,
    );
    return row?.number ?? null;
  } catch {
    return undefined;
  }
}

function judge(outcome: ReadOutcome<FlexUser>): Found {
  switch (outcome.class) {
    case "done":
      return ok(`Flex answers, the token is that of ${outcome.value.userName ?? "a user without a name"}`);
    case "unauthorized":
      return fail(
        `Flex refuses the token: ${outcome.error}`,
        "Make a new API key in Flex (Main Menu > Integrations > API) and set FLEX_AUTH_TOKEN.",
      );
    case "not_sent":
      return fail(`Flex cannot be reached: ${outcome.error}`, cureForConnection(outcome.error));
    case "rate_limited":
      return warn(
        `Flex takes no more calls for now: ${outcome.error}`,
        "Wait; the daemon does so by itself.",
      );
    case "refused":
      return fail(
        `Flex refuses the call: ${outcome.error}`,
        "See that FLEX_BASE_URL is the address of your tenant's API; another server answers like this.",
      );
    default:
      return fail(
        `Flex does not answer as it must: ${outcome.error}`,
        "If it stays so: see that FLEX_BASE_URL is the address of the API, and whether Flex is down.",
      );
  }
}

/** Nothing was sent: the name, the port or the certificate. */
function cureForConnection(error: string): string {
  if (/ENOTFOUND|EAI_AGAIN|getaddrinfo/.test(error))
    return "No such name: correct the tenant in FLEX_BASE_URL, and see that this machine resolves names.";
  if (/ECONNREFUSED/.test(error)) return "Nobody listens there: correct host and port in FLEX_BASE_URL.";
  if (/CERT|certificate|TLS|SSL|EPROTO|wrong version/i.test(error))
    return "The certificate is not trusted: correct the host in FLEX_BASE_URL; behind a proxy that opens TLS set NODE_EXTRA_CA_CERTS to its certificate.";
  return "See that FLEX_BASE_URL names your tenant and that a firewall or proxy lets this machine out.";
}
