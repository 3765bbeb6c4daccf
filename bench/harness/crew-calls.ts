import type { Sql } from "postgres";
import { type ClaimedOperation, createQueue, type Query } from "../../src/drainer/queue.ts";
import { check } from "./part.ts";

/** Crew calls that nobody has synced yet, numbered: all of their ids follow from the number. */
export type NewCrewCalls = {
  /** The first number; default 1. */
  from?: number;
  count: number;
  people: number;
  /** Whether people have a role that Flex has to be told. */
  roles?: boolean;
};

const id = (family: string, number: number) => `${family}-0000-4000-8000-${String(number).padStart(12, "0")}`;
export const crewCallOf = (number: number): string => id("51000000", number);
export const elementOf = (number: number): string => id("61000000", number);
export const technicianOf = (number: number): string => id("21000000", number);
export const resourceOf = (number: number): string => id("31000000", number);
export const ROLE = id("41000000", 1);

/** Jobs with a crew call each, and the people that they name: what the host application writes. */
export async function makeCrewCalls(sql: Sql, crewCalls: NewCrewCalls): Promise<void> {
  const { from = 1, count, people, roles = false } = crewCalls;
  const to = from + count - 1;
  const numbered = (family: string, number: string) =>
    `(('${family}-0000-4000-8000-' || lpad((${number})::text, 12, '0'))::uuid)`;
  await sql.begin(async (tx) => {
    await tx.unsafe(`
      insert into flex_sync.business_roles values ('sound', 'T', '${ROLE}') on conflict do nothing;
      insert into jobs (id) select ${numbered("11000000", "n")} from generate_series(${from}, ${to}) n;
      insert into profiles (id, flex_resource_id)
        select ${numbered("21000000", "n")}, ${numbered("31000000", "n")}::text from generate_series(1, ${people}) n on conflict do nothing;
      insert into flex_crew_calls (id, job_id, department, flex_element_id)
        select ${numbered("51000000", "n")}, ${numbered("11000000", "n")}, 'sound', ${numbered("61000000", "n")}::text
        from generate_series(${from}, ${to}) n;
      insert into job_assignments (job_id, technician_id, sound_role)
        select ${numbered("11000000", "n")}, ${numbered("21000000", "p")}, '${roles ? "SND-FOH-T" : "FOH"}'
        from generate_series(${from}, ${to}) n, generate_series(1, ${people}) p`);
  });
}

/**
 * Let go of every limit that is Flex's or a tenant's choice, and of the age of readings: what is measured is the
 * machinery. The constraint goes too, so that `queueAdds` can begin all of its readings before it records one.
 */
export async function liftLimits(sql: Sql, concurrency = 24): Promise<void> {
  await sql`alter table flex_sync.settings drop constraint "at least one call at a time"`;
  await sql`update flex_sync.settings set monthly_limit = 2000000000, hourly_limit = 2000000000, daily_limit = 2000000000,
    max_concurrency = ${concurrency}, max_reading_age = '1 day'`;
}

/**
 * Ask for syncs of new crew calls and let readings find their elements empty: the adds of everybody are then claimable,
 * by the project's own functions. It needs `liftLimits`. All readings begin before the first is recorded, since adds would be claimed first.
 */
export async function queueAdds(sql: Sql, { from = 1, count, people }: NewCrewCalls): Promise<void> {
  const [settings] = await sql<[{ max_concurrency: number }]>`select max_concurrency from flex_sync.settings`;
  await sql`update flex_sync.settings set max_concurrency = 1000000`;
  const TOGETHER = 250;
  const queue = createQueue(sql as unknown as Query, "bench", 15_000);
  const readings: ClaimedOperation[] = [];
  for (let done = 0; done < count; done += TOGETHER) {
    const numbers = Array.from({ length: Math.min(TOGETHER, count - done) }, (_, i) => from + done + i);
    await sql`select count(sync_crew_call(id::uuid)) from unnest(${numbers.map(crewCallOf)}::text[]) as id`;
    readings.push(...(await queue.claimOperations(numbers.length)));
  }
  check(
    readings.length === count && readings.every(({ kind }) => kind === "observe"),
    `${readings.length} readings could be claimed instead of ${count}`,
  );
  const record = async () => {
    for (let reading = readings.pop(); reading; reading = readings.pop()) {
      const answer = await queue.recordObservation(reading, [], null, 200);
      check(answer === "recorded", `a reading was ${answer}`);
    }
  };
  await Promise.all([1, 2, 3, 4].map(record));
  await sql`update flex_sync.settings set max_concurrency = ${settings.max_concurrency}`;
  const [row] = await sql<[{ adds: number }]>`
    select count(*)::int as adds from flex_sync.outbox where kind = 'add' and state = 'pending' and reading_at is not null`;
  check(row.adds >= count * people, `${row.adds} adds wait instead of ${count * people}`);
}
