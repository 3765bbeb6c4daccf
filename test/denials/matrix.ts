/** The roles that are tried, beside one that nobody gave anything. */
export const ROLES = [
  "anon",
  "authenticated",
  "service_role",
  "flex_sync_app",
  "flex_sync_drainer",
  "flex_sync_operator",
] as const;
export type Role = (typeof ROLES)[number];

const APP: Role[] = ["service_role", "flex_sync_app", "flex_sync_operator"];
const DRAINER: Role[] = ["flex_sync_drainer"];
const OPERATOR: Role[] = ["flex_sync_operator"];
const NOBODY: Role[] = [];

const words = (text: string) => text.trim().split(/\s+/);
const each = (names: string, roles: Role[]) => words(names).map((name) => [name, roles] as const);

/** Who may execute each function of ours. A new function is placed here, whoever may execute it. */
export const FUNCTIONS: ReadonlyMap<string, Role[]> = new Map([
  ...each("sync_crew_call sync_crew_for_job may_sync", APP),
  // What the views call, for whoever reads them: the drainer for its page.
  ...each(
    "is_flex_id state_of_crew_call stays_by_policy next_action why_pending policy_of calls_left desired_or_nobody nobodys_lines clock explain history ago name_of",
    [...APP, ...DRAINER],
  ),
  ...each(
    `tick next_work_at next_sync_work_at claim_operations claim_call claim_probe record_add record_done record_set_role record_remove
    record_observation record_failure record_probe close_call`,
    DRAINER,
  ),
  ...each(
    `retry retry_failed approve_removals reject_removals adopt set_policy set_resync_interval pause resume enable_auto_sync
    disable_auto_sync`,
    OPERATOR,
  ),
  // What the others call; one a line, so that two who add one do not meet.
  ...each(
    `
      apply_plan
      backoff
      begin_background_readings
      blocked_as_json
      block_element
      confirm_stale
      count_call
      crew_call_or_raise
      decide_removals
      desired_columns
      desired_of
      doubt_element
      doubt_of_lines
      elements_with_old_readings
      enter_ledger
      finish_answered_syncs
      finish_sync
      flex_id
      forget_elements
      forget_line
      forget_removed
      grant_privileges
      hash_of_held
      held_plan
      host_error
      join_sync
      know_element
      lacks_every_recorded_line
      lock_budget
      lock_element
      lock_element_of
      log_operator
      next_reading
      note_block
      note_decisions
      note_element
      note_elements
      note_failure
      note_success
      open_breaker
      open_condition
      operation_in_flight
      operations_of
      pin_search_path
      plan_as_json
      plan_element
      plan_if_in_sync
      printable
      queue_reading
      read_committed_only
      record_kept
      record_person
      remember_objects
      remove_assignments
      removals_within_the_hour
      request_sync
      request_unasked
      room_for_background
      server_started_at
      share_with_service_role
      settle_unknown
      store_reading
      take_over_expired
      tell_call
      tell_decision
      tell_planned
      tier_of
      trim_history
      two_calls_free_at
      waiting_for
      waiting_request
      what_stands_in_the_way
      who_acts
      write_assignment
      write_assignments
      write_role
    `,
    NOBODY,
  ),
  // Triggers: they run for whoever writes the host's tables or the settings, and nobody calls them.
  ...each(
    `note_changed_assignments note_changed_crew_call note_changed_interval note_changed_mapping note_changed_policy
    note_changed_profiles note_deleted_job note_deleted_profile`,
    NOBODY,
  ),
]);

export type Privilege = "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "REFERENCES" | "TRIGGER";
export const PRIVILEGES: Privilege[] = [
  "SELECT",
  "INSERT",
  "UPDATE",
  "DELETE",
  "TRUNCATE",
  "REFERENCES",
  "TRIGGER",
];

const READ: Privilege[] = ["SELECT"];
const OPERATOR_READS = { flex_sync_operator: READ };
const DAEMON_READS = { flex_sync_drainer: READ, flex_sync_operator: READ };
const ALL_READ = { service_role: READ, flex_sync_app: READ, ...DAEMON_READS };

/** Who may do what with each table and view of ours. A new one is placed here. */
export const RELATIONS: ReadonlyMap<string, Partial<Record<Role, Privilege[]>>> = new Map(
  Object.entries({
    outbox: ALL_READ,
    syncs: ALL_READ,
    crew_call_status: ALL_READ,
    crew_status: ALL_READ,
    metrics: ALL_READ,
    settings: { flex_sync_drainer: READ, flex_sync_operator: ["SELECT", "UPDATE"] as Privilege[] },
    business_roles: { flex_sync_operator: ["SELECT", "INSERT", "UPDATE", "DELETE"] as Privilege[] },
    crew_call_settings: { flex_sync_operator: ["SELECT", "INSERT", "UPDATE", "DELETE"] as Privilege[] },
    ...Object.fromEntries(
      words("crew_call_blocks elements lines tenant").map((name) => [name, DAEMON_READS]),
    ),
    ...Object.fromEntries(
      words(`
        calls crew_calls decisions desired_crew due_elements duplicate_assignments element_health joined_requests last_decisions ledger
        migrations missing_lines operator_log readings recorded_crew removal_decisions removed_duplicates urgent_elements
      `).map((name) => [name, OPERATOR_READS]),
    ),
  }),
);
