// The drainer as a Supabase Edge Function, asked by pg_cron (schedule-drain.sql). Any number of runs share the work.
// Secrets to set: FLEX_BASE_URL, FLEX_AUTH_TOKEN, DRAIN_SECRET. SUPABASE_DB_URL is there already.
import { createHash, timingSafeEqual } from "node:crypto";
import { drainOnce } from "flex-crew-sync";

/** Well within the time that Supabase gives a function; what is in flight then ends, and the next run carries on. */
const STOP_AFTER_MS = 50_000;
/** How long to wait for a second reading or a retry before leaving it to the next run. */
const PATIENCE_MS = 5_000;

const databaseUrl = needed("SUPABASE_DB_URL");
const flexBaseUrl = needed("FLEX_BASE_URL");
const flexAuthToken = needed("FLEX_AUTH_TOKEN");
const secret = needed("DRAIN_SECRET");

Deno.serve(async (request) => {
  if (!equal(request.headers.get("x-drain-secret") ?? "", secret)) {
    return Response.json({ error: "x-drain-secret is missing or wrong" }, { status: 401 });
  }
  try {
    const signal = AbortSignal.timeout(STOP_AFTER_MS);
    const done = await drainOnce({
      databaseUrl,
      flexBaseUrl,
      flexAuthToken,
      signal,
      patienceMs: PATIENCE_MS,
    });
    return Response.json(done);
  } catch (error) {
    console.error(error);
    return Response.json({ error: "could not drain, see the function's log" }, { status: 500 });
  }
});

function needed(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`set the secret ${name}`);
  return value;
}

/** Compares in the same time whatever differs. */
function equal(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
