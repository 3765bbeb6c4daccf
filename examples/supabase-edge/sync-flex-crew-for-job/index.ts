// The HTTP interface of the old edge function sync-flex-crew-for-job, so that its buttons work unchanged. It asks Postgres
// for the syncs, waits, and answers the old summary. With a Flex token it drains meanwhile; without one it leaves that to
// your drainer. Secrets: FLEX_BASE_URL and FLEX_AUTH_TOKEN (or X_AUTH_TOKEN, as before), both optional.
import { drainOnce } from "flex-crew-sync";
import postgres from "postgres";
import { createHandler } from "./handler.ts";
import { askWhoMay } from "./who-may.ts";

const databaseUrl = Deno.env.get("SUPABASE_DB_URL") ?? "";
const flexBaseUrl = Deno.env.get("FLEX_BASE_URL");
const flexAuthToken = Deno.env.get("FLEX_AUTH_TOKEN") ?? Deno.env.get("X_AUTH_TOKEN");
const sql = postgres(databaseUrl, { max: 2, prepare: false });

Deno.serve(
  createHandler({
    sql,
    whoMay: askWhoMay({
      sql,
      supabaseUrl: Deno.env.get("SUPABASE_URL") ?? "",
      apiKey: Deno.env.get("SUPABASE_ANON_KEY") ?? "",
      roles: ["admin", "management"],
    }),
    ...(flexBaseUrl && flexAuthToken
      ? { drain: (signal) => drainOnce({ databaseUrl, flexBaseUrl, flexAuthToken, signal }) }
      : {}),
    waitMs: 25_000,
  }),
);
