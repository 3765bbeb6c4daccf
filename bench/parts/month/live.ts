import postgres, { type Sql } from "postgres";
import type { QueryValue } from "../../../src/drainer/queue.ts";
import { makeDrainer } from "../../../test/model/drainers.ts";
import { createTimeline, settled } from "../../../test/model/timeline.ts";
import { CLOCK_FROM_SETTINGS, createVirtualTime } from "../../../test/model/virtual-time.ts";
import { createVirtualFlex, type VirtualFlex } from "./flex.ts";

/** A database and a daemon whose time is moved from one event to the next. */
export type Life = {
  sql: Sql;
  flex: VirtualFlex;
  now(): number;
  /** Run a statement at the next millisecond. */
  run<T extends object>(text: TemplateStringsArray, ...values: QueryValue[]): Promise<T[]>;
  /** Let the daemon work, and time pass, up to this moment. */
  liveUntil(ms: number): Promise<void>;
  end(): Promise<void>;
};

/** How soon the daemon looks again where something is due that it could not claim: ever more rarely. */
const FIRST_GLANCE_MS = 1_000;
const LONGEST_GLANCE_MS = 30_000;

/** The daemon is the project's own TypeScript; its statements and its HTTP calls happen in order, on one connection. */
export async function beginLife(url: string): Promise<Life> {
  const time = createVirtualTime();
  const timeline = createTimeline(time);
  const flex = createVirtualFlex(time, timeline);
  const drainer = makeDrainer("month", time, () => flex.dispatcher);
  const iso = (ms: number) => new Date(ms).toISOString();
  const connection = { "model.now": iso(time.now()), "model.started_at": iso(time.now() - 3_600_000) };
  const sql = postgres(url, { max: 1, onnotice: () => {}, idle_timeout: 0, max_lifetime: null, connection });
  await sql.unsafe(CLOCK_FROM_SETTINGS);

  const run: Life["run"] = async <T extends object>(text: TemplateStringsArray, ...values: QueryValue[]) => {
    time.moveTo(time.now() + 1);
    const moved = sql.unsafe(`set model.now = '${iso(time.now())}'`);
    const [, rows] = await Promise.all([moved, sql(text, ...values)]);
    return rows as unknown as T[];
  };

  let glanceMs = FIRST_GLANCE_MS;
  let callsBefore = 0;
  async function nextWorkAt(): Promise<number> {
    const [row] = await run<{ at: Date | null }>`
      select case when isfinite(at) then at end as at from flex_sync.next_work_at() as at`;
    if (!row?.at) return Number.POSITIVE_INFINITY;
    if (row.at.getTime() > time.now()) return row.at.getTime();
    glanceMs = flex.calls.length > callsBefore ? FIRST_GLANCE_MS : Math.min(glanceMs * 2, LONGEST_GLANCE_MS);
    callsBefore = flex.calls.length;
    return time.now() + glanceMs;
  }

  return {
    sql,
    flex,
    now: time.now,
    run,
    async liveUntil(ms) {
      drainer.wake();
      drainer.emptySteps = 0;
      for (;;) {
        const [statement] = drainer.statements;
        if (statement) {
          drainer.statements.shift();
          await run(statement.text, ...statement.values).then(statement.answer, statement.refuse);
          await settled();
        } else if (!drainer.stepping && drainer.emptySteps === 0) {
          drainer.beginStep();
          await settled();
        } else {
          const next = timeline.next() ?? (await nextWorkAt());
          if (next > ms) break;
          if (timeline.next() !== null) await timeline.runNext();
          else {
            time.moveTo(next);
            drainer.emptySteps = 0;
          }
        }
      }
      time.moveTo(ms);
    },
    end: () => sql.end(),
  };
}
