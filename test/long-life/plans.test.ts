import { randomUUID } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { as, makeCrewCall, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";

const CREW_CALLS = 2_000;
const PEOPLE_EACH = 10;

/** Tables that grow with the number of crew calls, or with time. Nobody's question may read one of them whole. */
const GROWING = [
  ...["outbox", "calls", "syncs", "elements", "lines", "ledger"],
  ...["flex_crew_calls", "flex_crew_assignments", "job_assignments", "profiles", "jobs"],
];

/** Crew calls in sync, with a finished add and its call for every line, and a finished sync for every crew call. */
async function fill(sql: Sql): Promise<void> {
  await sql.unsafe(`
    insert into flex_sync.business_roles values ('sound', 'R', 'responsible');
    insert into profiles (id, flex_resource_id) select gen_random_uuid(), gen_random_uuid() from generate_series(1, ${CREW_CALLS});
    create temporary table person as select id, flex_resource_id::text as resource, row_number() over () - 1 as n from profiles;
    insert into jobs (id) select gen_random_uuid() from generate_series(1, ${CREW_CALLS});
    insert into flex_crew_calls (id, job_id, department, flex_element_id) select gen_random_uuid(), id, 'sound', gen_random_uuid() from jobs;
    create temporary table crew as
      select call.*, person.id as technician_id, person.resource, gen_random_uuid()::text as line, row_number() over () as number
      from (select crew_calls.*, row_number() over () as n from flex_sync.crew_calls) as call
      join person on (person.n - call.n * 7 + ${CREW_CALLS * 7}) % ${CREW_CALLS} < ${PEOPLE_EACH};
    insert into job_assignments (job_id, technician_id, sound_role) select job_id, technician_id, 'SND-FOH-R' from crew;
    insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) select id, technician_id, line from crew;
    insert into flex_sync.elements (flex_element_id, crew_call_id, job_id, department, reading_at)
      select distinct flex_element_id, id, job_id, department, now() from crew;
    insert into flex_sync.ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, entered_at)
      select line, flex_element_id, resource, id, technician_id, 'added', now() from crew;
    insert into flex_sync.lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, first_seen_at, last_seen_at, written_role_id)
      select flex_element_id, line, resource, true, true, now(), now(), 'responsible' from crew;
    insert into flex_sync.syncs (crew_call_id, flex_element_id, requested_by, requested_at, last_requested_at, reading_at, finished_at, outcome)
      select distinct id, flex_element_id, 'somebody', now(), now(), now(), now(), 'synced' from crew;
    insert into flex_sync.outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, flex_line_item_id, state, attempts,
        due_at, created_at, sent_at, finished_at, reading_at, call_number)
      select syncs.id, crew.id, crew.flex_element_id, technician_id, 'add', resource, line, 'done', 1, now(), now(), now(), now(), now(), number
      from crew join flex_sync.syncs on syncs.crew_call_id = crew.id;
    insert into flex_sync.calls (number, made_at, kind, operation_id, sync_id, flex_element_id, flex_resource_id, flex_line_item_id, answered_at, outcome)
      select call_number, now() - interval '2 days' + call_number * interval '1 ms', 'add', id, sync_id, flex_element_id, flex_resource_id,
        flex_line_item_id, now(), 'done'
      from flex_sync.outbox`);
  // Not inside of a transaction.
  await sql.unsafe("vacuum analyze");
}

/** A connection that hears the plan of every statement inside of functions. */
async function listenForPlans(url: string) {
  const plans: string[] = [];
  const sql = postgres(url, { max: 1, onnotice: ({ message }) => plans.push(message ?? "") });
  onTestFinished(() => sql.end({ timeout: 1 }));
  await sql.unsafe(`load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on; set auto_explain.log_timing = off; set auto_explain.log_level = notice; set client_min_messages = notice`);
  return { sql, plans };
}

/** Rows of one table that a statement about one small crew call may look at. */
const FEW = 100;

/** Of which growing table a plan reads more than a few rows, whichever way it does, and for which statement. */
function readWhole(plan: string, few = FEW): string[] {
  // The first row that comes, of a view that may not be readable.
  if (/Query Text: select from \w+ limit 1\n/i.test(plan)) return [];
  const statement = /Query Text: ([\s\S]*?)\n(?:Query Parameters|\S.*cost=)/.exec(plan)?.[1] ?? plan;
  const scans = plan.matchAll(
    /Scan (?:Backward )?(?:using .+? )?on (?:\w+\.)?(\w+).*?actual rows=(\d+)(?:\.\d+)? loops=(\d+)\)(?:\n(?!.*->).*)*?(?:\n *Rows Removed by Filter: (\d+)|(?=\n.*->|$))/g,
  );
  return [...scans]
    .filter(([, table, rows, loops, removed = 0]) => {
      return GROWING.includes(table ?? "") && (Number(rows) + Number(removed)) * Number(loops) > few;
    })
    .map(([, table]) => `${table}: ${statement.replace(/\s+/g, " ").slice(0, 160)}`);
}

type Row = { id: string; kind: string; token: string };

test("no statement of a request, a claim or a record reads a growing table whole", async () => {
  const { sql: admin, url } = await createDatabase();
  await fill(admin);
  // Trimming reads what it reads, once in ten minutes.
  await admin`select flex_sync.tick()`;
  const { sql, plans } = await listenForPlans(url);
  const [call] =
    await admin`select id, job_id, flex_element_id from flex_sync.crew_calls order by id offset 1000 limit 1`;
  const lines =
    await admin`select flex_line_item_id, flex_resource_id, true as is_contact, null as parent_line_item_id, null as flex_role_id,
    false as shows_role, null as name from flex_sync.lines where flex_element_id = ${call?.flex_element_id}`;
  // One leaves, three come.
  await admin`delete from job_assignments where (job_id, technician_id) in
    (select job_id, technician_id from job_assignments where job_id = ${call?.job_id} limit 1)`;
  await admin`insert into job_assignments (job_id, technician_id, sound_role)
    select ${call?.job_id}, id, 'SND-FOH-R' from profiles
    where id not in (select technician_id from flex_crew_assignments where crew_call_id = ${call?.id}) limit 3`;

  const claim = () => sql<Row[]>`select * from flex_sync.claim_operations('test', 8, '15 s')`;
  const known = lines.map((line) => ({ ...line }));
  await sql`select sync_crew_call(${call?.id})`;
  await sql`select sync_crew_call(${call?.id})`;
  await sql`select flex_sync.tick()`;
  const [reading] = await claim();
  expect(reading?.kind).toBe("observe");
  await sql`select flex_sync.next_work_at()`;
  await sql`select flex_sync.record_observation(${reading?.id ?? ""}, ${reading?.token ?? ""}, ${sql.json(known as never)})`;
  const done = async (rows: Row[]) => {
    const told = rows.map(({ id, token, kind }) => ({
      id,
      token,
      line: kind === "add" ? randomUUID() : null,
      status: 200,
    }));
    return sql`select flex_sync.record_done(${JSON.stringify(told)}::text::jsonb)`;
  };
  const [first, ...others] = await claim();
  await sql`select flex_sync.record_failure(${first?.id ?? ""}, ${first?.token ?? ""}, 'lease_over', null, null)`;
  expect(await done(others)).toHaveLength(3);
  const [add, ...roles] = (await claim()).sort((a, b) => a.kind.localeCompare(b.kind));
  expect(add?.kind).toBe("add");
  await sql`select flex_sync.record_add(${add?.id ?? ""}, ${add?.token ?? ""}, ${randomUUID()})`;
  expect(await done(roles)).toHaveLength(2);
  const [role] = await claim();
  await sql`select flex_sync.record_set_role(${role?.id ?? ""}, ${role?.token ?? ""})`;
  await sql`select flex_sync.tick()`;
  await sql`select flex_sync.next_work_at()`;
  const [sync] = await admin`select outcome from flex_sync.syncs order by id desc limit 1`;
  expect(sync?.outcome).toBe("synced");

  // Every statement was heard: the ones of functions inside of functions too.
  expect(plans.filter((plan) => plan.includes("Index Scan")).length).toBeGreaterThan(50);
  expect([...new Set(plans.flatMap((plan) => readWhole(plan)))]).toEqual([]);
  // The index of open syncs would do as well, until somebody keeps a transaction open for long.
  const ended = plans.filter((plan) => plan.includes("syncs.id = finish_sync.sync_id"));
  expect(ended.length).toBeGreaterThan(0);
  expect(ended.filter((plan) => !plan.includes("using syncs_pkey"))).toEqual([]);
});

test("nor does a tick, however many operations wait", async () => {
  const { sql: admin, url } = await createDatabase();
  await fill(admin);
  await admin`update flex_sync.outbox set state = 'pending', finished_at = null, flex_line_item_id = null,
    reading_at = now() - random() * interval '1 s'`;
  await admin`update flex_sync.settings set max_reading_age = '1 day'`;
  await admin.unsafe("vacuum analyze");
  await admin`select flex_sync.tick()`;
  const { sql, plans } = await listenForPlans(url);

  // After five times Postgres may keep a plan that knows nothing of the values.
  for (let ticks = 0; ticks < 7; ticks += 1)
    expect(await sql`select flex_sync.tick() as done`).toEqual([{ done: 0 }]);

  expect(plans.length).toBeGreaterThan(5);
  expect([...new Set(plans.flatMap((plan) => readWhole(plan)))]).toEqual([]);
});

test("a crew of hundreds, the first one ever, is planned without a loop in a loop", async () => {
  const PEOPLE = 200;
  const { sql: admin, url } = await createDatabase();
  await admin`insert into flex_sync.business_roles values ('sound', 'R', 'responsible')`;
  const people = Array.from({ length: PEOPLE }, (_, n) => as(person(n + 1), "SND-FOH-R"));
  const call = await makeCrewCall(admin, { desired: people });
  const { sql, plans } = await listenForPlans(url);

  await sql`select sync_crew_call(${call.id})`;
  const [reading] = await sql<Row[]>`select * from flex_sync.claim_operations('test', 1, '15 s')`;
  await sql`select flex_sync.record_observation(${reading?.id ?? ""}, ${reading?.token ?? ""}, '[]'::jsonb)`;

  const [operations] =
    await admin`select count(*)::int as confirmed from flex_sync.outbox where reading_at is not null`;
  expect(operations?.confirmed).toBe(2 * PEOPLE);
  expect([...new Set(plans.flatMap((plan) => readWhole(plan, 10 * PEOPLE)))]).toEqual([]);
});
