import { randomUUID } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { ana, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { request, sync } from "../functions/asking.ts";
import { moveClock } from "../functions/move-clock.ts";
import { createDatabase } from "../postgres/database.ts";

const FINISHED = 20_000;
/** Operations that one statement of the history below moves on; of a hundred elements. */
const AT_ONCE = 1000;

/** Pages that a statement touches, in the buffer cache or not: a count, and no time. */
async function pages(sql: Sql, statement: string): Promise<number> {
  const [row] = await sql.unsafe(
    `explain (analyze, buffers, timing off, summary off, format json) ${statement}`,
  );
  if (!row) throw new Error("no plan was answered");
  const plan: Record<string, number> = row["QUERY PLAN"][0].Plan;
  return (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
}

/** Operations that wait, are sent and are done, each in transactions of its own, with their calls. */
async function finish(sql: Sql, number: number): Promise<void> {
  for (let first = 1; first <= number; first += AT_ONCE) {
    await sql`insert into flex_sync.outbox
        (flex_element_id, kind, flex_resource_id, state, due_at, created_at, reading_at, crew_call_id)
      select 'aaaaaaaa-0000-4000-8000-' || lpad((n % 100)::text, 12, '0'), 'add', 'bbbbbbbb-0000-4000-8000-' || lpad(n::text, 12, '0'),
        'pending', clock_timestamp(), clock_timestamp(), clock_timestamp(), ${randomUUID()}
      from generate_series(${first}::int, ${first + AT_ONCE - 1}::int) as n`;
    await sql`insert into flex_sync.calls (number, made_at, kind, operation_id, flex_element_id)
      select (select max(number) from flex_sync.calls) + row_number() over (order by id), clock_timestamp(), 'add', id, flex_element_id
      from flex_sync.outbox where state = 'pending' and kind = 'add'`;
    await sql`update flex_sync.outbox set state = 'sending', token = gen_random_uuid(),
        lease_until = clock_timestamp() + interval '30 s', deadline = clock_timestamp(), sent_at = clock_timestamp()
      where state = 'pending' and kind = 'add'`;
    await sql`update flex_sync.calls set outcome = 'done', answered_at = clock_timestamp() where outcome is null`;
    await sql`update flex_sync.outbox set state = 'done', finished_at = clock_timestamp()
      where state = 'sending' and kind = 'add'`;
  }
}

/** What a drainer does for one request, in pages; each statement is run once before, so that catalogues are read. */
async function costs(url: string, sql: Sql, call: CrewCall) {
  const drainer = postgres(url, { max: 1, onnotice: () => {} });
  const claim = () => pages(drainer, "select * from flex_sync.claim_operations('test', 8, '15 s')");
  const claimed = async () => {
    const [row] = await sql`select id, token from flex_sync.outbox where state = 'sending'`;
    return `${row?.id}, '${row?.token}'`;
  };
  const lines = JSON.stringify(call.flex.linesOf(call.element));
  const run = async () => {
    await request(sql, call);
    const tick = await pages(drainer, "select flex_sync.tick()");
    const claiming = await claim();
    const failing = await pages(
      drainer,
      `select flex_sync.record_failure(${await claimed()}, 'lease_over', null, null)`,
    );
    await claim();
    const observing = await pages(
      drainer,
      `select flex_sync.record_observation(${await claimed()}, '${lines}')`,
    );
    const next = await pages(drainer, "select flex_sync.next_work_at()");
    return { tick, claiming, failing, observing, next };
  };
  await run();
  const found = await run();
  await drainer.end();
  return found;
}

test(`${FINISHED} operations that ended behind an old snapshot cost a drainer few pages`, async () => {
  const { sql, url } = await createDatabase();
  await sql`update flex_sync.settings set monthly_limit = 1000000, daily_limit = 1000000, hourly_limit = 1000000`;
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call);
  const before = await costs(url, sql, call);

  // Somebody is idle in a transaction: nothing that ended since can be cleaned away.
  const idle = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => idle.end({ timeout: 1 }));
  await idle`begin isolation level repeatable read`;
  await idle`select count(*) from flex_sync.outbox`;
  await finish(sql, FINISHED);
  await sql`vacuum analyze flex_sync.outbox, flex_sync.calls`;
  const [dead] =
    await sql`select n_dead_tup > ${FINISHED} as kept from pg_stat_all_tables where relid = 'flex_sync.outbox'::regclass`;
  expect(dead).toEqual({ kept: true });
  await moveClock(sql, "16 min");
  await sql`select flex_sync.tick()`;

  const after = await costs(url, sql, call);
  // One page for many that ended, and for an outcome of a write none at all.
  for (const [what, most] of [
    ["tick", FINISHED / 5],
    ["claiming", FINISHED / 5],
    ["failing", 200],
    ["observing", FINISHED / 5],
    ["next", FINISHED / 5],
  ] as const)
    expect([what, after[what] - before[what] < most, after[what]]).toEqual([what, true, after[what]]);
});
