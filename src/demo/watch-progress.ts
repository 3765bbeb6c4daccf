import type { Sql } from "postgres";
import type { Screen } from "./screen.ts";

const LOOK_EVERY_MS = 100;

type Progress = {
  crew_calls: number;
  at_rest: number;
  syncs_open: number;
  calls: number;
  added: number;
  removed: number;
  roles: number;
};

/** Where a crew call stays until a person does something. */
const AT_REST = ["synced", "unmapped", "held"];

/**
 * Show how far the crew calls are until every sync has ended and nothing goes on by itself.
 *
 * @param approved a yes was just given: what is held goes on too
 * @param patienceMs give up after this; what is not done then, the checks will name
 * @returns whether it came to rest
 */
export async function watchProgress(
  sql: Sql,
  screen: Screen,
  { patienceMs, approved = false }: { patienceMs: number; approved?: boolean },
): Promise<boolean> {
  const conditions = AT_REST.filter((condition) => !(approved && condition === "held"));
  const giveUpAt = performance.now() + patienceMs;
  let shownAt = 0;
  for (;;) {
    const progress = await readProgress(sql, conditions);
    const rests = progress.at_rest === progress.crew_calls && progress.syncs_open === 0;
    // Elsewhere than on a terminal each of these is a line: one a second is enough to see that it lives.
    if (rests || screen.moves || performance.now() - shownAt > 1_000) {
      screen.progress(sentence(progress));
      shownAt = performance.now();
    }
    if (rests || performance.now() > giveUpAt) return rests;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function readProgress(sql: Sql, conditions: string[]): Promise<Progress> {
  const [row] = await sql<Progress[]>`
    select
      count(*)::int as crew_calls,
      count(*) filter (where condition = any (${conditions}))::int as at_rest,
      (select count(*)::int from flex_sync.syncs where finished_at is null) as syncs_open,
      (select count(*)::int from flex_sync.calls) as calls,
      (select count(*)::int from flex_sync.outbox where state = 'done' and kind = 'add') as added,
      (select count(*)::int from flex_sync.outbox where state = 'done' and kind = 'remove') as removed,
      (select count(*)::int from flex_sync.outbox where state = 'done' and kind = 'set_role') as roles
    from flex_sync.crew_call_status`;
  if (!row) throw new Error("the database answered no row");
  return row;
}

function sentence({ crew_calls, at_rest, calls, added, removed, roles }: Progress): string {
  const done = `${"■".repeat(at_rest)}${"·".repeat(crew_calls - at_rest)}`;
  return `${done} ${at_rest} of ${crew_calls} crew calls  ${calls} Flex calls, ${added} added, ${removed} removed, ${roles} roles`;
}
