import type { TransactionSql } from "postgres";

/** What holds for all the work. */
export type WorkState = {
  paused: boolean;
  paused_reason: string | null;
  breaker_reason: string | null;
  breaker_error: string | null;
  breaker_seconds: number | null;
  /** Since when the oldest operation is due that a drainer could claim: not a background reading, a preview or a limited removal. */
  lag_seconds: number;
  /** Age of the oldest request whose sync is not finished. */
  oldest_request_seconds: number;
  hourly_limit: number;
  daily_limit: number;
  monthly_limit: number;
};

export async function readWorkState(sql: TransactionSql): Promise<WorkState> {
  const [row] = await sql<WorkState[]>`
    select
      tenant.paused_at is not null as paused,
      tenant.paused_reason,
      tenant.breaker_reason,
      tenant.breaker_error,
      extract(epoch from flex_sync.clock() - tenant.breaker_opened_at)::float8 as breaker_seconds,
      coalesce((
        select greatest(extract(epoch from flex_sync.clock() - min(outbox.due_at)), 0)
        from flex_sync.outbox
        where outbox.state = 'pending'
          and outbox.after_operation_id is null
          and outbox.priority = 0
          and not outbox.limited
          and (outbox.kind = 'observe' or outbox.reading_at > flex_sync.clock() - settings.max_reading_age)
      ), 0)::float8 as lag_seconds,
      coalesce((
        select extract(epoch from flex_sync.clock() - min(syncs.requested_at))
        from flex_sync.syncs
        where syncs.finished_at is null
      ), 0)::float8 as oldest_request_seconds,
      coalesce(settings.hourly_limit, settings.monthly_limit / 50)::int as hourly_limit,
      coalesce(settings.daily_limit, settings.monthly_limit / 10)::int as daily_limit,
      settings.monthly_limit
    from flex_sync.tenant, flex_sync.settings`;
  if (!row) throw new Error("flex_sync.tenant or flex_sync.settings has no row");
  return { ...row };
}
