import type { Sql } from "postgres";
import type { Check } from "./checks.ts";
import { type CrewCallFacts, personWithId } from "./read-facts.ts";

/** What the database says of itself when all is done. */
export async function checkDatabase(sql: Sql, facts: CrewCallFacts[], duplicates: number): Promise<Check[]> {
  return [
    await noDuplicates(sql),
    await copiesKept(sql, duplicates),
    await nothingOpen(sql),
    await conditions(sql, facts),
  ];
}

async function noDuplicates(sql: Sql): Promise<Check> {
  const refusal = await sql
    .begin((transaction) => [
      transaction`insert into flex_crew_assignments (crew_call_id, technician_id)
        select crew_call_id, technician_id from flex_crew_assignments limit 1`,
      // Reached only where the table took a second row for somebody.
      transaction`select 1 / 0`,
    ])
    .catch((error: { code?: string }) => error.code);
  return {
    says: "the table refuses a second row for the same person",
    differences: refusal === "23505" ? [] : ["flex_crew_assignments took a second row for somebody"],
  };
}

async function copiesKept(sql: Sql, duplicates: number): Promise<Check> {
  const [row] = await sql`select count(*)::int as copies from flex_sync.removed_duplicates`;
  return {
    says: `a copy of each of the ${duplicates} removed rows is kept`,
    differences: row?.copies === duplicates ? [] : [`${row?.copies} copies are kept`],
  };
}

async function nothingOpen(sql: Sql): Promise<Check> {
  const open = await sql<{ kind: string; state: string; technician_id: string | null }[]>`
    select kind, state, technician_id from flex_sync.outbox
    where state in ('pending', 'sending', 'unknown', 'held') or (state = 'failed' and superseded_at is null)`;
  return {
    says: "no operation is pending, unknown, held or failed",
    differences: open.map(({ kind, state, technician_id }) => {
      const whom = technician_id ? ` for ${personWithId(technician_id).name}` : "";
      return `${kind}${whom} is ${state}`;
    }),
  };
}

async function conditions(sql: Sql, facts: CrewCallFacts[]): Promise<Check> {
  const calls = await sql<{ crew_call_id: string; condition: string; reason: string | null }[]>`
    select crew_call_id, condition, reason from flex_sync.crew_call_status`;
  const people = await sql<{ crew_call_id: string; technician_id: string }[]>`
    select crew_call_id, technician_id from flex_sync.crew_status
    where condition = 'unmapped' and reason = 'no_resource' and next_action is not null`;
  const differences = facts.flatMap(({ crewCall, wanted }) => {
    const unmapped = wanted.filter(({ resource }) => resource === null);
    const expected = unmapped.length > 0 ? "unmapped" : "synced";
    const found = calls.find(({ crew_call_id }) => crew_call_id === crewCall.id);
    const unreported = unmapped.filter(
      ({ person }) =>
        !people.some((row) => row.crew_call_id === crewCall.id && row.technician_id === person.id),
    );
    return [
      ...(found?.condition === expected
        ? []
        : [`${crewCall.title} is ${found?.condition} (${found?.reason}), not ${expected}`]),
      ...unreported.map(({ person }) => `${crewCall.title}: ${person.name} is not reported as unmapped`),
    ];
  });
  return { says: "every crew call is synced, or says who has no Flex contact", differences };
}
