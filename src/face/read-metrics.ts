import type { TransactionSql } from "postgres";
import { readWorkState, type WorkState } from "./read-work-state.ts";

export type OpenOperations = {
  kind: "observe" | "add" | "set_role" | "remove";
  state: "pending" | "sending" | "unknown" | "held" | "failed";
  operations: number;
  /** Age of the oldest; of pending ones of the one that is due longest, and 0 while none is due. */
  oldest_seconds: number;
};

/** What `/metrics` tells of the database. */
export type DatabaseMetrics = {
  state: WorkState;
  open: OpenOperations[];
  /** The rows of `flex_sync.metrics`; null where there is nothing to take a mean of. */
  named: Record<string, number | null>;
};

export async function readMetrics(sql: TransactionSql): Promise<DatabaseMetrics> {
  const state = await readWorkState(sql);
  const open = await sql<OpenOperations[]>`
    select
      outbox.kind,
      outbox.state,
      count(*)::int as operations,
      greatest(extract(epoch from flex_sync.clock() - min(case outbox.state
        when 'pending' then outbox.due_at
        when 'sending' then outbox.sent_at
        when 'unknown' then outbox.unknown_at
        when 'failed' then outbox.finished_at
        else outbox.created_at
      end)), 0)::float8 as oldest_seconds
    from flex_sync.outbox
    where outbox.state in ('pending', 'sending', 'unknown', 'held')
      or (outbox.state = 'failed' and outbox.superseded_at is null)
    group by outbox.kind, outbox.state`;
  const named = await sql<{ name: string; value: number | null }[]>`
    select name, value::float8 as value from flex_sync.metrics`;
  return {
    state,
    open: [...open],
    named: Object.fromEntries(named.map(({ name, value }) => [name, value])),
  };
}
