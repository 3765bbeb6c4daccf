/** Rows and answers as SQL gives them: columns keep their SQL names, times are ISO text inside jsonb. */

/** The conditions of the contract, the most urgent first. */
export const CONDITIONS = [
  "paused",
  "blocked",
  "failed",
  "held",
  "unknown",
  "pending",
  "unmapped",
  "never_synced",
  "synced",
] as const;

export type Condition = (typeof CONDITIONS)[number];

export type RemovalReason = "undesired" | "resource_changed" | "foreign" | "surplus";

export type PlannedRemoval = {
  /** Null for a line that nobody is known for. */
  technician_id: string | null;
  flex_line_item_id: string;
  reason: RemovalReason;
};

/** What `sync_crew_call` answers. */
export type CrewCallPlan = {
  crew_call_id: string;
  flex_element_id: string | null;
  /** Null for a dry run. */
  sync_id: number | null;
  condition: Condition;
  /** Beginning of the reading these sets were made from, ISO 8601; null before the first. */
  observed_at: string | null;
  /** Null before the first reading. */
  stale: { technician_id: string; flex_line_item_id: string }[] | null;
  to_add: { technician_id: string; flex_resource_id: string }[];
  to_remove: PlannedRemoval[];
  to_set_role: { technician_id: string; flex_role_id: string }[];
  /** Null before the first reading. */
  held: PlannedRemoval[] | null;
  /** The name of `held`, for approve_removals; null when nothing is held. */
  plan: string | null;
  kept: number;
  unmapped: { technician_id: string; reason: "no_resource" | "malformed_id" }[];
};

/** A row of `flex_sync.crew_call_status`. Counts are bigints, which drivers give as text unless told otherwise. */
export type CrewCallStatusRow = {
  crew_call_id: string;
  job_id: string | null;
  department: string | null;
  flex_element_id: string | null;
  condition: Condition;
  reason: string | null;
  desired: string | number;
  recorded: string | number;
  observed: string | number;
  pending: string | number;
  unknown: string | number;
  held: string | number;
  failed: string | number;
  plan: string | null;
  observed_at: Date | string | null;
  last_sync_at: Date | string | null;
  next_action: string | null;
  /** How long ago, in words: `4 min`. */
  observed_ago: string | null;
  last_sync_ago: string | null;
};

/** A row of `flex_sync.crew_status`. */
export type CrewStatusRow = {
  crew_call_id: string;
  technician_id: string | null;
  flex_resource_id: string | null;
  desired: boolean;
  flex_line_item_id: string | null;
  observed_line_item_id: string | null;
  role_code: string | null;
  observed_role: string | null;
  operation_id: string | number | null;
  condition: Condition;
  reason: string | null;
  since: Date | string | null;
  next_action: string | null;
  /** How long already, in words: `4 min`. */
  since_ago: string | null;
};

/** A row of `flex_sync.history`: one thing that happened on a crew call. */
export type HappenedRow = {
  at: Date | string;
  /** Null where the whole crew call is meant, or a line that nobody is known for. */
  technician_id: string | null;
  what: "request" | "plan" | "call" | "reading" | "settled" | "ended" | "sync" | "operator";
  outcome: string;
  reason: string | null;
  who: string | null;
  operation_id: string | number | null;
  sync_id: string | number | null;
  http_status: number | null;
  /** One sentence. */
  detail: string;
};
