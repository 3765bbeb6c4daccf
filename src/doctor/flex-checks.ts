import { randomUUID } from "node:crypto";
import { baseUrlSetting, type Env, flexSettings, timeoutSetting, tokenSetting } from "../cli/environment.ts";
import { createFlexCaller } from "../flex-caller.ts";
import type { ReadOutcome } from "../flex-outcome.ts";
import type { FlexUser } from "../flex-user.ts";
import { type Check, check, type Found, fail, ok, type Patient, warn } from "./check.ts";

/** Flex: the address, the token, and whether one call with both works. */
export async function flexChecks(env: Env, patient: Patient | undefined): Promise<Check[]> {
  const checks = [
    await check("flex_base_url", () => ok(baseUrlSetting(env))),
    await check("flex_token", () => {
      return ok(`a token of ${tokenSetting(env).length} characters is set`);
    }),
  ];
  if (checks.every(({ status }) => status === "ok"))
    checks.push(await check("flex", () => askFlex(env, patient)));
  return checks;
}

/** One call of current-user, counted in the budget that all drainers share if this user may count. */
async function askFlex(env: Env, patient: Patient | undefined): Promise<Found> {
  const timeoutMs = Math.min(timeoutSetting(env), 15_000);
  const counted = await countCall(patient, timeoutMs);
  if (counted === null) {
    return warn(
      "not asked: no Flex call is left in the budget",
      "Wait until one frees, see the check quota.",
    );
  }
  const { flexBaseUrl, flexAuthToken } = flexSettings(env);
  const caller = createFlexCaller({ baseUrl: flexBaseUrl, token: flexAuthToken, timeoutMs });
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
    const [row] = await patient.sql<{ number: string | null }[]>`
      select flex_sync.claim_call(${`doctor ${randomUUID().slice(0, 8)}`}::text, 'user'::text,
        ${`${timeoutMs} milliseconds`}::interval, null::bigint)::text as number`;
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
      return fail(
        `Flex cannot be reached: ${outcome.error}`,
        "See that FLEX_BASE_URL names your tenant and that this machine may reach it.",
      );
    case "rate_limited":
      return warn(
        `Flex takes no more calls for now: ${outcome.error}`,
        "Wait; the daemon does so by itself.",
      );
    case "refused":
      return fail(
        `Flex refuses the call: ${outcome.error}`,
        "See that FLEX_BASE_URL is the address of the API.",
      );
    default:
      return fail(
        `Flex does not answer as it must: ${outcome.error}`,
        "If it stays so: see that FLEX_BASE_URL is the address of the API, and whether Flex is down.",
      );
  }
}
