export {
  type DrainOnceOptions,
  type DrainOptions,
  drain,
  drainOnce,
} from "./drainer/drain.ts";
export type { Log } from "./drainer/log.ts";
export { ConfigurationError, FlexCrewSyncError } from "./errors.ts";
export { createFlexCaller, type FlexCaller, type FlexCallerOptions, type FlexHooks } from "./flex-caller.ts";
export type { OutcomeClass, ReadOutcome, WriteOutcome } from "./flex-outcome.ts";
export type { FlexLine } from "./flex-reading.ts";
export { type MigrateOptions, type MigrateResult, migrate } from "./migrate.ts";
export type {
  Condition,
  CrewCallPlan,
  CrewCallStatusRow,
  CrewStatusRow,
  HappenedRow,
  PlannedRemoval,
  RemovalReason,
} from "./rows.ts";
export { type PgLike, type PostgresLike, type SyncCrewCallOptions, syncCrewCall } from "./sync-crew-call.ts";
