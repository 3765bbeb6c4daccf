import type { FlexLine } from "../flex-reading.ts";

/** A tagged template that runs one statement: a `postgres` instance is one. Rows keep their SQL column names. */
export type Query = (text: TemplateStringsArray, ...values: QueryValue[]) => PromiseLike<readonly object[]>;

export type QueryValue = string | number | boolean | null | string[];

/** One claimed operation, as `claim_operations` answers it. */
export type ClaimedOperation = {
  /** A bigint, as text. */
  id: string;
  kind: "observe" | "add" | "set_role" | "remove";
  /** Shown when an outcome is recorded: fencing. */
  token: string;
  flex_element_id: string;
  flex_resource_id: string | null;
  flex_line_item_id: string | null;
  flex_role_id: string | null;
  attempts: number;
  /** Milliseconds from the claim to the end of its lease. */
  lease_ms: number;
  /** The number under which its Flex call is counted; a bigint, as text. */
  call_number: string;
};

/** What became of an attempt that was not plainly done; `record_failure` says what each one leads to. */
export type FailureOutcome =
  | "not_sent"
  | "refused"
  | "refused_for_now"
  | "rate_limited"
  | "denied"
  | "token_refused"
  | "unknown"
  | "doubtful"
  | "lease_over"
  | "no_budget";

export type OperationFailure = {
  outcome: FailureOutcome;
  http_status: number | null;
  error: string;
  /** Milliseconds that a 429 asked to wait. */
  retry_after_ms?: number | null;
};

/** A write that Flex did. */
export type DoneWrite = {
  operation: ClaimedOperation;
  /** The new line of an add. */
  lineItemId: string | null;
  status: number;
};

/** What `record_observation` answers. */
export type ObservationRecorded = "recorded" | "identity_needed" | "old" | "doubtful" | "blocked" | "fenced";

/**
 * The daemon's whole knowledge of the database: one small function per SQL function.
 *
 * What records stands `from set_config('lock_timeout', …)`: while the host's own transaction holds a row or the element,
 * Postgres gives up by itself, and no abandoned statement is left behind. It holds for that statement alone.
 */
export type Queue = ReturnType<typeof createQueue>;

/**
 * The queue in Postgres.
 *
 * @param sql the drainer's database, needs the rights of `flex_sync_drainer`
 * @param drainer a name for people, shown in `flex_sync.calls`
 * @param timeoutMs the HTTP deadline that each claim states, milliseconds
 */
export function createQueue(sql: Query, drainer: string, timeoutMs: number) {
  const deadline = `${timeoutMs} milliseconds`;
  return {
    /** Take over, follow up notes, queue readings, trim. @returns how many things it did */
    async tick(): Promise<number> {
      return scalar<number>(await sql`select flex_sync.tick() as value`);
    },

    /** Send a notification of our own through the database, to see whether it arrives. */
    async notifyWork(payload: string): Promise<void> {
      await sql`select pg_notify('flex_sync_work', ${payload}::text)`;
    },

    /** @throws LEASE when the lease is not longer than the deadline plus a second */
    async claimOperations(slots: number): Promise<ClaimedOperation[]> {
      const rows = await sql`
        select id::text, kind, token::text, flex_element_id, flex_resource_id, flex_line_item_id, flex_role_id,
          attempts, lease_ms, call_number::text
        from flex_sync.claim_operations(${drainer}::text, ${slots}::int, ${deadline}::interval)`;
      return [...rows] as ClaimedOperation[];
    },

    /** Count a further call for an operation in flight. @returns its number, null when the budget has none left */
    async claimCall(kind: "identity" | "user", operation: ClaimedOperation): Promise<string | null> {
      return scalar<string | null>(
        await sql`
          select flex_sync.claim_call(${drainer}::text, ${kind}::text, ${deadline}::interval, ${operation.id}::bigint)::text as value`,
      );
    },

    /** @returns the number of the probe's call, null when nobody may probe now */
    async claimProbe(): Promise<string | null> {
      return scalar<string | null>(
        await sql`select flex_sync.claim_probe(${drainer}::text, ${deadline}::interval)::text as value`,
      );
    },

    async recordProbe(
      callNumber: string,
      outcome: string,
      failure: Partial<OperationFailure>,
    ): Promise<void> {
      await sql`
        select flex_sync.record_probe(${callNumber}::bigint, ${outcome}::text, ${failure.http_status ?? null}::int,
          ${failure.error ?? null}::text, ${interval(failure.retry_after_ms)}::interval)`;
    },

    async closeCall(
      callNumber: string,
      outcome: string,
      status: number | null,
      error: string | null,
    ): Promise<void> {
      await sql`select flex_sync.close_call(${callNumber}::bigint, ${outcome}::text, ${status}::int, ${error}::text)`;
    },

    async recordObservation(
      operation: ClaimedOperation,
      lines: FlexLine[] | null,
      identity: "present" | "gone" | "unclear" | null,
      status: number,
    ): Promise<ObservationRecorded> {
      const json = lines === null ? null : JSON.stringify(lines);
      return scalar<ObservationRecorded>(
        await sql`
          select flex_sync.record_observation(${operation.id}::bigint, ${operation.token}::uuid, ${json}::text::jsonb,
            ${identity}::text, ${status}::int) as value
          from set_config('lock_timeout', '10 s', true)`,
      );
    },

    async recordAdd(
      operation: ClaimedOperation,
      lineItemId: string,
      alsoAdded: string[],
      status: number,
    ): Promise<string> {
      return scalar<string>(
        await sql`
          select flex_sync.record_add(${operation.id}::bigint, ${operation.token}::uuid, ${lineItemId}::text,
            array(select jsonb_array_elements_text(${JSON.stringify(alsoAdded)}::text::jsonb)), ${status}::int) as value
          from set_config('lock_timeout', '10 s', true)`,
      );
    },

    async recordSetRole(operation: ClaimedOperation, status: number): Promise<string> {
      return scalar<string>(
        await sql`
          select flex_sync.record_set_role(${operation.id}::bigint, ${operation.token}::uuid, ${status}::int) as value
          from set_config('lock_timeout', '10 s', true)`,
      );
    },

    async recordRemove(operation: ClaimedOperation, status: number): Promise<string> {
      return scalar<string>(
        await sql`
          select flex_sync.record_remove(${operation.id}::bigint, ${operation.token}::uuid, ${status}::int) as value
          from set_config('lock_timeout', '10 s', true)`,
      );
    },

    /** @returns the ids of the operations that are recorded; every other one is left to the function of its kind */
    async recordDone(writes: DoneWrite[]): Promise<string[]> {
      const done = writes.map(({ operation: { id, token }, lineItemId: line, status }) => ({
        id,
        token,
        line,
        status,
      }));
      const rows = await sql`
        select flex_sync.record_done(${JSON.stringify(done)}::text::jsonb)::text as id
        from set_config('lock_timeout', '200 ms', true)`;
      return (rows as readonly { id: string }[]).map(({ id }) => id);
    },

    async recordFailure(operation: ClaimedOperation, failure: OperationFailure): Promise<string> {
      return scalar<string>(
        await sql`
          select flex_sync.record_failure(${operation.id}::bigint, ${operation.token}::uuid, ${failure.outcome}::text,
            ${failure.http_status}::int, ${failure.error}::text, ${interval(failure.retry_after_ms)}::interval) as value
          from set_config('lock_timeout', '10 s', true)`,
      );
    },

    /** Milliseconds until something falls due although nothing notifies it; null when nothing waits for time. */
    async msUntilNextWork(): Promise<number | null> {
      return fromNow(
        await sql`
          select ceil((extract(epoch from flex_sync.next_work_at()) - extract(epoch from flex_sync.clock())) * 1000)::float8 as value`,
      );
    },

    /** Milliseconds until an unfinished sync goes on by itself, null when none does: what `--once` still waits for. */
    async msUntilSyncGoesOn(): Promise<number | null> {
      return fromNow(
        await sql`
          select ceil((extract(epoch from flex_sync.next_sync_work_at()) - extract(epoch from flex_sync.clock())) * 1000)::float8 as value`,
      );
    },
  };
}

function interval(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : `${ms} milliseconds`;
}

function fromNow(rows: readonly object[]): number | null {
  const ms = scalar<number | null>(rows);
  return ms === null ? null : Math.max(ms, 0);
}

function scalar<T>(rows: readonly object[]): T {
  const [row] = rows as { value: T }[];
  if (!row) throw new Error("the database answered no row");
  return row.value;
}
