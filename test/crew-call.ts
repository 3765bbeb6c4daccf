import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { type FlexInMemory, makeFlex } from "./functions/flex-in-memory.ts";

export interface Person {
  id: string;
  /** `profiles.flex_resource_id` */
  resource: string | null;
  /** The role code of the crew call's department; without a tier when nothing is said. */
  role: string | null;
}

/** The n-th person; the first few have names. */
export function person(n: number): Person {
  const digits = String(n).padStart(12, "0");
  return {
    id: `aaaaaaaa-0000-4000-8000-${digits}`,
    resource: `bbbbbbbb-0000-4000-8000-${digits}`,
    role: "FOH",
  };
}
export const ana = person(1);
export const ben = person(2);
export const cleo = person(3);
export const dan = person(4);
export const eva = person(5);

/** The same person with a role code. */
export const as = (who: Person, role: string): Person => ({ ...who, role });

export interface CrewCall {
  id: string;
  job: string;
  department: string;
  element: string;
  flex: FlexInMemory;
  /** The line that a person had in Flex or in our rows when the crew call was made. */
  lineOf(who: Person): string;
}

export interface CrewCallOptions {
  department?: "sound" | "lights" | "video";
  /** Who the job says should be there. */
  desired?: Person[];
  /** Who we believe is there; the lines are ours. */
  recorded?: Person[];
  /** Who Flex shows; those that are not recorded were added there by a person. */
  inFlex?: Person[];
  flex?: FlexInMemory;
  job?: string;
  element?: string;
}

/** Make a job with one crew call, the people it names, and what Flex shows of them. */
export async function makeCrewCall(sql: Sql, options: CrewCallOptions = {}): Promise<CrewCall> {
  const { department = "sound", desired = [], recorded = [], inFlex = [] } = options;
  const { flex = makeFlex(), job = randomUUID(), element = randomUUID() } = options;
  const id = randomUUID();
  const lines = new Map<string, string>();
  for (const who of recorded) lines.set(who.id, randomUUID());
  for (const who of inFlex) {
    const flex_line_item_id = lines.get(who.id) ?? randomUUID();
    lines.set(who.id, flex.add(element, who.resource?.trim().toLowerCase() ?? null, { flex_line_item_id }));
  }
  await knowPeople(sql, [...desired, ...recorded]);
  await sql`insert into jobs (id) values (${job}) on conflict do nothing`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id)
    values (${id}, ${job}, ${department}, ${element})`;
  await assign(sql, { job, department }, desired);
  if (recorded.length > 0) {
    await sql`insert into flex_crew_assignments ${sql(
      recorded.map((who) => ({
        crew_call_id: id,
        technician_id: who.id,
        flex_line_item_id: lines.get(who.id) as string,
      })),
    )}`;
    await sql`insert into flex_sync.ledger ${sql(
      recorded.map((who) => ({
        flex_line_item_id: lines.get(who.id) as string,
        flex_element_id: element.trim().toLowerCase(),
        flex_resource_id: who.resource,
        crew_call_id: id,
        technician_id: who.id,
        source: "added",
        entered_at: new Date(),
      })),
    )}`;
  }
  const lineOf = (who: Person) => {
    const line = lines.get(who.id);
    if (line === undefined) throw new Error(`person ${who.id} had no line`);
    return line;
  };
  return { id, job, department, element, flex, lineOf };
}

/** Put people on the job, in the department of the crew call. */
export async function assign(
  sql: Sql,
  { job, department }: Pick<CrewCall, "job" | "department">,
  people: Person[],
): Promise<void> {
  await knowPeople(sql, people);
  for (let from = 0; from < people.length; from += 1000) {
    await sql`insert into job_assignments ${sql(
      people.slice(from, from + 1000).map((who) => ({
        job_id: job,
        technician_id: who.id,
        [`${department}_role`]: who.role,
      })),
    )} on conflict (job_id, technician_id) do update set ${sql(`${department}_role`)} = ${sql(`excluded.${department}_role`)}`;
  }
}

/** Take people off the job. */
export async function unassign(sql: Sql, { job }: Pick<CrewCall, "job">, people: Person[]): Promise<void> {
  await sql`delete from job_assignments where job_id = ${job} and technician_id in ${sql(people.map((who) => who.id))}`;
}

/** What the host knows of a person now. */
export async function knowPeople(sql: Sql, people: Person[]): Promise<void> {
  const distinct = [...new Map(people.map((who) => [who.id, who])).values()];
  for (let from = 0; from < distinct.length; from += 1000) {
    await sql`insert into profiles ${sql(
      distinct.slice(from, from + 1000).map((who) => ({ id: who.id, flex_resource_id: who.resource })),
    )} on conflict (id) do update set flex_resource_id = excluded.flex_resource_id`;
  }
}
