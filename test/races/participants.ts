import type { ReservedSql } from "postgres";
import type { BusyWorld } from "./busy-world.ts";

/** Who a function belongs to decides which locks it may wait for: `MAY_WAIT` in locks.ts. */
export type Kind = "application" | "reading" | "claim" | "probe" | "tick" | "record" | "operator";

/** A function that takes locks, called so that it has something to do in the busy world. */
export interface Participant {
  name: string;
  kind: Kind;
  /** The functions of the database that this stands for. */
  calls: string[];
  /** Only while the breaker is open. */
  breaker?: true;
  run(sql: ReservedSql, world: BusyWorld): Promise<unknown>;
}

export const PARTICIPANTS: Participant[] = [
  {
    name: "sync_crew_call",
    kind: "application",
    calls: ["sync_crew_call"],
    run: (sql, { call }) => sql`select sync_crew_call(${call.id})`,
  },
  {
    name: "sync_crew_for_job",
    kind: "application",
    calls: ["sync_crew_for_job"],
    run: (sql, { call }) => sql`select sync_crew_for_job(${call.job})`,
  },
  {
    name: "claim_operations",
    kind: "claim",
    calls: ["claim_operations"],
    run: (sql) => sql`select flex_sync.claim_operations('race', 1, '15 s')`,
  },
  {
    name: "claim_call",
    kind: "claim",
    calls: ["claim_call"],
    run: (sql, { inFlight }) =>
      sql`select flex_sync.claim_call('race', 'identity', '15 s', ${inFlight.observe.id})`,
  },
  {
    name: "claim_probe",
    kind: "probe",
    calls: ["claim_probe"],
    breaker: true,
    run: (sql) => sql`select flex_sync.claim_probe('race', '15 s')`,
  },
  {
    name: "record_probe",
    kind: "record",
    calls: ["record_probe"],
    breaker: true,
    run: (sql, { inFlight }) =>
      sql`select flex_sync.record_probe(${inFlight.observe.call_number}, 'done', 200, null)`,
  },
  {
    name: "tick",
    kind: "tick",
    calls: ["tick"],
    run: (sql) => sql`select flex_sync.tick()`,
  },
  {
    name: "record_observation",
    kind: "reading",
    calls: ["record_observation"],
    run: (sql, { inFlight: { observe }, call }) =>
      sql`select flex_sync.record_observation(${observe.id}, ${observe.token}, ${sql.json(call.flex.linesOf(call.element) as never)})`,
  },
  ...(["add", "otherAdd", "addedAgain"] as const).map<Participant>((which) => ({
    name: `record_add of ${which}`,
    kind: "record",
    calls: ["record_add"],
    run: (sql, { inFlight, lineOf }) =>
      sql`select flex_sync.record_add(${inFlight[which].id}, ${inFlight[which].token}, ${lineOf(inFlight[which])})`,
  })),
  {
    name: "record_set_role",
    kind: "record",
    calls: ["record_set_role"],
    run: (sql, { inFlight: { setRole } }) =>
      sql`select flex_sync.record_set_role(${setRole.id}, ${setRole.token})`,
  },
  {
    name: "record_remove",
    kind: "record",
    calls: ["record_remove"],
    run: (sql, { inFlight: { remove } }) =>
      sql`select flex_sync.record_remove(${remove.id}, ${remove.token})`,
  },
  {
    name: "record_done",
    kind: "record",
    calls: ["record_done"],
    run: (sql, { inFlight, lineOf }) => {
      const { otherAdd, setRole, remove } = inFlight;
      const done = [otherAdd, setRole, remove].map((one) => ({
        id: one.id,
        token: one.token,
        line: one === otherAdd ? lineOf(one) : null,
        status: 200,
      }));
      return sql`select flex_sync.record_done(${JSON.stringify(done)}::text::jsonb)`;
    },
  },
  ...(["add", "addedAgain", "remove", "observe"] as const).map<Participant>((which) => ({
    name: `record_failure of ${which}`,
    kind: "record",
    calls: ["record_failure"],
    run: (sql, { inFlight }) =>
      sql`select flex_sync.record_failure(${inFlight[which].id}, ${inFlight[which].token}, 'unknown', null, 'a race')`,
  })),
  {
    name: "close_call",
    kind: "record",
    calls: ["close_call"],
    run: (sql, { inFlight: { observe } }) =>
      sql`select flex_sync.close_call(${observe.call_number}, 'done', 200, null)`,
  },
  {
    name: "retry",
    kind: "operator",
    calls: ["retry", "retry_failed"],
    run: (sql, { failed }) => sql`select flex_sync.retry(${failed})`,
  },
  {
    name: "approve_removals",
    kind: "operator",
    calls: ["approve_removals", "reject_removals"],
    run: (sql, { call, plan }) => sql`select flex_sync.approve_removals(${call.id}, ${plan})`,
  },
  {
    name: "adopt",
    kind: "operator",
    calls: ["adopt"],
    run: (sql, { call, adoptable }) => sql`select flex_sync.adopt(${call.id}, ${adoptable})`,
  },
  {
    name: "set_resync_interval",
    kind: "operator",
    calls: ["set_resync_interval"],
    run: (sql, { call }) => sql`select flex_sync.set_resync_interval(${call.id}, '2 hours')`,
  },
  {
    name: "set_policy",
    kind: "operator",
    calls: ["set_policy"],
    run: (sql, { call }) => sql`select flex_sync.set_policy(${call.id}, 'mirror')`,
  },
  {
    name: "pause",
    kind: "operator",
    calls: ["pause", "resume"],
    run: (sql) => sql`select flex_sync.pause('a race')`,
  },
];
