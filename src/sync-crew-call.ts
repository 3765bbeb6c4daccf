import type { CrewCallPlan } from "./rows.ts";

/** What a `pg` pool or client, or anything shaped like one, offers. */
export type PgLike = { query(text: string, values: unknown[]): Promise<{ rows: unknown[] }> };

/** What a `postgres` (porsager) instance or transaction offers. */
// biome-ignore lint/suspicious/noExplicitAny: the library's own parameter type is not exported in a form that fits
export type PostgresLike = { unsafe(text: string, values?: any[]): PromiseLike<readonly object[]> };

export type SyncCrewCallOptions = {
  /** Answer the sets and write nothing. */
  dryRun?: boolean;
  /** Lift the counting brakes for lines of our own, in this request only. */
  allowMassRemoval?: boolean;
  /** Who asks, for the history. Default: the database session's user. */
  requestedBy?: string;
};

/**
 * Ask for a sync of one crew call: `select sync_crew_call(…)` on the application's own connection, in its own
 * transaction if it is in one. It returns at once with the plan; a drainer does the work.
 *
 * @param database a `pg` pool or client, or a `postgres` instance
 * @param crewCallId `flex_crew_calls.id`, not the Flex element id
 * @throws the database's error; its `code` is NOCAL (no such crew call), NOTAL (not allowed) or ISOLA (isolation level)
 */
export async function syncCrewCall(
  database: PgLike | PostgresLike,
  crewCallId: string,
  { dryRun = false, allowMassRemoval = false, requestedBy }: SyncCrewCallOptions = {},
): Promise<CrewCallPlan> {
  const rows = await run(
    database,
    "select public.sync_crew_call($1::uuid, $2::boolean, $3::boolean, $4::text) as plan",
    [crewCallId, dryRun, allowMassRemoval, requestedBy ?? null],
  );
  return (rows[0] as { plan: CrewCallPlan }).plan;
}

async function run(
  database: PgLike | PostgresLike,
  text: string,
  values: unknown[],
): Promise<readonly unknown[]> {
  if ("unsafe" in database) return database.unsafe(text, values);
  return (await database.query(text, values)).rows;
}
