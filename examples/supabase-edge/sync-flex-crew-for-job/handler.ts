import type { Sql } from "postgres";
import { type Answered, answerOf, summaryOf } from "./summary.ts";
import { Refusal } from "./who-may.ts";

export type HandlerOptions = {
  sql: Sql;
  /** Answers a name for the history, or throws a Refusal. */
  whoMay: (request: Request) => Promise<string>;
  /** Drains until the signal, while the handler waits. Left out, somebody else drains. */
  drain?: (signal: AbortSignal) => Promise<unknown>;
  /** How long to wait for the syncs to end, milliseconds. */
  waitMs: number;
};

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers":
    "authorization, x-client-info, apikey, content-type, x-requested-with, accept, prefer, x-supabase-info, x-supabase-api-version, x-supabase-client-platform",
  "access-control-allow-methods": "POST, OPTIONS",
  "access-control-max-age": "86400",
};
const LOOK_EVERY_MS = 250;
/** Answered by name where no departments were asked for, as the old function's buttons expect. */
const DEPARTMENTS = ["sound", "lights", "video"];
/** Errors that are the asker's to mend. */
const STATUS_OF: Record<string, number> = { NOJOB: 400, "22P02": 400, NOTAL: 403 };

/** `{job_id, departments?}` in, `{ok, job_id, summary: {department: …}}` out. Web standards only: for Deno, Node and others. */
export function createHandler({ sql, whoMay, drain, waitMs }: HandlerOptions) {
  return async (request: Request): Promise<Response> => {
    if (request.method === "OPTIONS") return new Response(null, { headers: CORS });
    if (request.method !== "POST") return new Response("Method Not Allowed", { status: 405, headers: CORS });
    try {
      const requestedBy = await whoMay(request);
      const { job, departments } = await read(request);
      const summary = await sync(job, departments, requestedBy);
      return Response.json({ ok: true, job_id: job, summary }, { headers: CORS });
    } catch (error) {
      const { status, message } = told(error);
      return Response.json({ ok: false, error: message }, { status, headers: CORS });
    }
  };

  async function sync(job: string, departments: string[] | null, requestedBy: string) {
    const [row] = await sql`
      select sync_crew_for_job(${job}::uuid, ${departments}::text[], requested_by => ${requestedBy}) as plans`;
    const plans = (row?.plans ?? {}) as Record<string, Answered>;
    for (const department of departments ?? DEPARTMENTS) plans[department] ??= { condition: "no_crew_call" };
    const before = await sql`
      select crew_call_id::text as id, count(*)::int as rows from public.flex_crew_assignments
      where crew_call_id = any (${Object.values(plans).flatMap((plan) => plan.crew_call_id ?? [])}::uuid[])
      group by 1`;
    await untilEnded(Object.values(plans).flatMap((plan) => plan.sync_id ?? []));
    const summary: Record<string, unknown> = {};
    for (const [department, plan] of Object.entries(plans)) {
      const recorded = before.find(({ id }) => id === plan.crew_call_id)?.rows ?? 0;
      summary[department] = summaryOf(plan, recorded, await answerOf(sql, plan));
    }
    return summary;
  }

  /** Wait until these syncs have ended, or time is up. */
  async function untilEnded(syncs: number[]): Promise<void> {
    const enough = new AbortController();
    const drained = drain?.(enough.signal).catch((error) => console.error("could not drain:", error));
    const until = Date.now() + waitMs;
    try {
      while (Date.now() < until) {
        const [row] = await sql`
          select count(*)::int as open from flex_sync.syncs where id = any (${syncs}::bigint[]) and finished_at is null`;
        if (row?.open === 0) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    } finally {
      // Nothing more is claimed; what is in flight ends and is recorded.
      enough.abort();
      await drained;
    }
  }
}

async function read(request: Request): Promise<{ job: string; departments: string[] | null }> {
  const body = (await request.json().catch(() => null)) as { job_id?: unknown; departments?: unknown } | null;
  const { job_id: job, departments } = body ?? {};
  if (typeof job !== "string" || job === "") throw new Refusal(400, "Missing job_id");
  const named = Array.isArray(departments) ? departments.filter((name) => typeof name === "string") : [];
  return { job, departments: named.length > 0 ? named.map((name) => name.trim().toLowerCase()) : null };
}

function told(error: unknown): { status: number; message: string } {
  if (error instanceof Refusal) return error;
  const { code = "", message = "" } = error as { code?: string; message?: string };
  const status = STATUS_OF[code];
  if (status) return { status, message };
  console.error(error);
  return { status: 500, message: "could not sync, see the function's log" };
}
