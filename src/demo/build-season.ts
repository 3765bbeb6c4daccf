import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import type { Simulator } from "../simulator/simulator.ts";
import { OLD_TABLES } from "./old-tables.ts";
import { flexIdOf, people } from "./people.ts";
import { type CrewCall, crewCalls, jobs, type Placement, soundRoles } from "./season.ts";

/** The season's two sides. */
export type DemoWorld = { sql: Sql; flex: Simulator };

/** The old tables, full, and the Flex that the old sync left behind. */
export async function buildSeason({ sql, flex }: DemoWorld): Promise<void> {
  await sql.unsafe(OLD_TABLES);
  for (const person of people) {
    const id = flexIdOf(person);
    if (id) flex.addContact(id, person.name);
  }
  await sql`insert into jobs ${sql(jobs.map(({ id, title }) => ({ id, title })))}`;
  await sql`insert into profiles ${sql(
    people.map(({ id, name, resource }) => ({ id, full_name: name, flex_resource_id: resource })),
  )}`;
  await sql`insert into flex_crew_calls ${sql(
    crewCalls.map(({ id, job, department, element }) => ({
      id,
      job_id: job,
      department,
      flex_element_id: element,
    })),
  )}`;
  for (const crewCall of crewCalls) await fill(crewCall, { sql, flex });
}

/** Which business role a tier means: ids of this tenant's own, for sound only. */
export async function fillRoleDictionary(sql: Sql): Promise<void> {
  const roles = [...soundRoles].map(([tier, flex_role_id]) => ({ department: "sound", tier, flex_role_id }));
  await sql`insert into flex_sync.business_roles ${sql(roles)}`;
}

async function fill(crewCall: CrewCall, { sql, flex }: DemoWorld): Promise<void> {
  const column = sql(`${crewCall.department}_role`);
  flex.addElement(crewCall.element);
  for (const placement of crewCall.crew) {
    const { person, role } = placement;
    if (role) {
      await sql`insert into job_assignments (job_id, technician_id, ${column})
        values (${crewCall.job}, ${person.id}, ${role})
        on conflict (job_id, technician_id) do update set ${column} = ${role}`;
    }
    for (const line of rowsOf(crewCall, placement, flex)) {
      await sql`insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
        values (${crewCall.id}, ${person.id}, ${line})`;
    }
  }
}

/** Puts somebody's lines on the element, and answers the line ids of their rows. */
function rowsOf(crewCall: CrewCall, { person, past, tierInFlex }: Placement, flex: Simulator): string[] {
  const addLine = () => {
    const roleId = tierInFlex ? (soundRoles.get(tierInFlex) ?? null) : null;
    return flex.humanAdds(crewCall.element, flexIdOf(person) ?? "", { roleId });
  };
  switch (past) {
    case "right":
    case "left the job":
      return [addLine()];
    case "twice":
      return [addLine(), addLine()];
    case "two rows": {
      const line = addLine();
      return [line, line];
    }
    case "second shift": {
      const line = addLine();
      addLine();
      return [line];
    }
    case "deleted by hand":
      return [randomUUID()];
    case "not recorded":
    case "orphan":
      addLine();
      return [];
    case "never added":
      return [];
  }
}
