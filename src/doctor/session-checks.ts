import type { Sql } from "postgres";
import { type Check, check, type Found, fail, ok, only, type Patient, warn } from "./check.ts";
import { findSetting } from "./setting-cure.ts";

const READ_COMMITTED = "read committed";

/** Shorter than this a timeout ends what is merely slow, milliseconds. */
const SHORT_MS = { statement_timeout: 10_000, transaction_timeout: 10_000, idle_session_timeout: 60_000 };
/** Shorter than this nothing works any more. */
const HOPELESS_MS = 1_000;

/** What sessions of this user get from the server without asking. */
export async function sessionChecks({ sql }: Patient): Promise<Check[]> {
  return [
    await check("writable", () => writable(sql)),
    await check("isolation", () => isolation(sql)),
    await check("timeouts", () => timeouts(sql)),
    await check("synchronous_commit", async () => {
      const { value } = only(
        await sql<{ value: string }[]>`select current_setting('synchronous_commit') as value`,
      );
      if (value !== "off") return ok(`synchronous_commit is ${value}`);
      return ok(
        "synchronous_commit is off: what is claimed and recorded is committed synchronously all the same",
      );
    }),
  ];
}

async function writable(sql: Sql): Promise<Found> {
  const { standby } = only(await sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`);
  if (standby) return fail("the server is a standby", "Name the primary in DATABASE_URL.");
  const { here } = await findSetting(sql, "default_transaction_read_only", "off", (value) => value === "off");
  if (!here) return ok("the server takes writes");
  return fail(
    `transactions are read only (set by: ${here.source})`,
    here.run ? "Take the setting away:" : "Take default_transaction_read_only out of DATABASE_URL.",
    here.run,
  );
}

/** `sync_crew_call` refuses other levels: its lock would protect a read of old rows. */
async function isolation(sql: Sql): Promise<Found> {
  const name = "default_transaction_isolation";
  const { here, elsewhere } = await findSetting(
    sql,
    name,
    `'${READ_COMMITTED}'`,
    (value) => value === READ_COMMITTED,
  );
  const consequence =
    "select sync_crew_call(…) is refused with ISOLA unless its transaction says read committed";
  if (here) {
    const [other] = elsewhere;
    return fail(
      `transactions begin as ${here.value} (set by: ${here.source}): ${consequence}`,
      here.run ? "Take the setting away, if nothing of yours needs it:" : `Take ${name} out of DATABASE_URL.`,
      here.run ?? other?.run ?? null,
    );
  }
  if (elsewhere.length > 0) {
    return warn(
      `transactions of ${elsewhere.map(({ whom }) => whom).join(", ")} do not begin as read committed: there ${consequence}`,
      "If they sync: begin isolation level read committed, or take the setting away:",
      elsewhere.map(({ run }) => run).join("\n"),
    );
  }
  return ok("transactions begin as read committed");
}

async function timeouts(sql: Sql): Promise<Found> {
  for (const [name, short] of Object.entries(SHORT_MS)) {
    const isLong = (value: string) => toMs(value) === 0 || toMs(value) >= short;
    const { here } = await findSetting(sql, name, `'${short / 1_000} s'`, isLong);
    if (!here) continue;
    const found = toMs(here.value) < HOPELESS_MS ? fail : warn;
    return found(
      `${name} is ${toMs(here.value)} ms (set by: ${here.source})`,
      here.run
        ? `Below ${short / 1_000} s it ends what is merely slow:`
        : `Take ${name} out of DATABASE_URL.`,
      here.run,
    );
  }
  return ok("no timeout ends what is merely slow");
}

/** A setting's text: `5000` is in milliseconds in pg_settings; roles and databases keep what was written. */
function toMs(text: string): number {
  const [, number = "0", unit = "ms"] = /^'?([\d.]+) ?(ms|s|min|h|d)?'?$/.exec(text.trim()) ?? [];
  const factor = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 1;
  return Number(number) * factor;
}
