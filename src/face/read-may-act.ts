import type { TransactionSql } from "postgres";

/** Whether the daemon's database user may do what the buttons do. */
export async function readMayAct(sql: TransactionSql): Promise<boolean> {
  const [row] = await sql<{ may: boolean }[]>`
    select
      has_function_privilege('flex_sync.approve_removals(uuid, text)', 'execute')
      and has_function_privilege('flex_sync.retry_failed(uuid)', 'execute')
      and has_function_privilege('public.sync_crew_call(uuid, boolean, boolean, text)', 'execute') as may`;
  return row?.may === true;
}
