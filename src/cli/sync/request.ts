import { userInfo } from "node:os";
import type { Sql } from "postgres";
import { FlexCrewSyncError } from "../../errors.ts";
import type { CrewCallPlan } from "../../rows.ts";
import { type SyncCrewCallOptions, syncCrewCall } from "../../sync-crew-call.ts";
import { unknownCrewCall } from "../crew-call-ids.ts";
import { inReadCommitted } from "../database.ts";

export type RequestOptions = { dryRun: boolean; allowMassRemoval: boolean };

/** A crew call that was asked for with what the database answered, or a department of a job that has none. */
export type Requested =
  | { department: string | null; plan: CrewCallPlan }
  | {
      department: string;
      plan: null;
      /** Departments of the job that have a crew call. */ others: string[];
    };

/** Requests a sync of each crew call. If one of several ids is unknown, nothing is requested. */
export async function requestCrewCalls(
  sql: Sql,
  ids: string[],
  options: RequestOptions,
): Promise<Requested[]> {
  if (ids.length > 1 && !options.dryRun) {
    for (const id of ids) await ask(sql, id, { ...options, dryRun: true });
  }
  const requested: Requested[] = [];
  for (const id of ids) {
    const plan = await ask(sql, id, { ...options, requestedBy: requestedBy() });
    requested.push({ department: null, plan });
  }
  return requested;
}

async function ask(sql: Sql, id: string, options: SyncCrewCallOptions): Promise<CrewCallPlan> {
  try {
    return await inReadCommitted(sql, (transaction) => syncCrewCall(transaction, id, options));
  } catch (error) {
    throw (error as { code?: unknown }).code === "NOCAL" ? await unknownCrewCall(sql, id) : error;
  }
}

/** Requests a sync of every crew call of a job, or of some departments. */
export async function requestJob(
  sql: Sql,
  job: string,
  departments: string[] | undefined,
  options: RequestOptions,
): Promise<Requested[]> {
  const [row] = await inReadCommitted(
    sql,
    (transaction) => transaction<{ answer: Record<string, CrewCallPlan | { condition: "no_crew_call" }> }[]>`
      select public.sync_crew_for_job(${job}::uuid, ${departments ?? null}::text[], ${options.dryRun}::boolean,
        ${options.allowMassRemoval}::boolean, ${requestedBy()}::text) as answer`,
  ).catch(async (error: unknown) => {
    throw (error as { code?: unknown }).code === "NOJOB" ? await unknownJob(sql, job, error) : error;
  });
  const answers = Object.entries(row?.answer ?? {}).sort(([one], [other]) => one.localeCompare(other));
  const lacking = answers.some(([, plan]) => !("crew_call_id" in plan));
  const others = lacking ? await departmentsOf(sql, job) : [];
  return answers.map(([department, plan]) =>
    "crew_call_id" in plan ? { department, plan } : { department, plan: null, others },
  );
}

async function departmentsOf(sql: Sql, job: string): Promise<string[]> {
  const rows = await sql<{ department: string }[]>`
    select distinct department from flex_sync.crew_call_status where job_id = ${job}::uuid and department is not null order by 1`;
  return rows.map(({ department }) => department);
}

/** People take a crew call's id for its job's. */
async function unknownJob(sql: Sql, id: string, error: unknown): Promise<unknown> {
  const [call] = await sql<{ job_id: string | null }[]>`
    select job_id from flex_sync.crew_call_status where crew_call_id = ${id}::uuid limit 1`;
  if (!call) return error;
  return new FlexCrewSyncError(
    "NOJOB",
    `${id} is the id of a crew call, not of a job`,
    `Leave --job away: flex-crew-sync sync ${id}${call.job_id ? `, or for the whole job: flex-crew-sync sync --job ${call.job_id}` : ""}`,
  );
}

/** Who asks, for the history. */
function requestedBy(): string {
  try {
    return `flex-crew-sync sync by ${userInfo().username}`;
  } catch {
    return "flex-crew-sync sync";
  }
}
