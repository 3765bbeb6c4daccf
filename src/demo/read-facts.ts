import type { Line } from "../simulator/lines.ts";
import type { DemoWorld } from "./build-season.ts";
import { flexIdOf, type Person, people } from "./people.ts";
import { type CrewCall, crewCalls, soundRoles } from "./season.ts";

/** Somebody whom a job wants on a crew call, as the host's tables say now. */
export type Wanted = {
  person: Person;
  /** The contact id as Flex knows it; null for who has none. */
  resource: string | null;
  roleCode: string;
  /** The business role that the line must show; null where the department has no dictionary. */
  role: string | null;
};

/** One crew call, seen from the host's tables and from inside Flex. */
export type CrewCallFacts = {
  crewCall: CrewCall;
  wanted: Wanted[];
  rows: { technician_id: string; flex_line_item_id: string | null }[];
  lines: Pick<Line, "id" | "resourceId" | "roleId" | "name">[];
};

/**
 * Who should be there, who the rows say is there, and who is there. It asks the host's tables and the simulator's own
 * world, and nothing of flex_sync: what is checked must not be asked for its opinion.
 */
export async function readFacts({ sql, flex }: DemoWorld): Promise<CrewCallFacts[]> {
  const wanted = await sql<{ crew_call_id: string; technician_id: string; resource: string; code: string }[]>`
    select flex_crew_calls.id as crew_call_id, profiles.id as technician_id, profiles.flex_resource_id as resource,
      case flex_crew_calls.department
        when 'sound' then sound_role when 'lights' then lights_role when 'video' then video_role
      end as code
    from flex_crew_calls
    join job_assignments using (job_id)
    join profiles on profiles.id = job_assignments.technician_id
    order by profiles.full_name`;
  const rows = await sql<{ crew_call_id: string; technician_id: string; flex_line_item_id: string | null }[]>`
    select crew_call_id, technician_id, flex_line_item_id from flex_crew_assignments
    order by created_at`;
  return crewCalls.map((crewCall) => ({
    crewCall,
    wanted: wanted
      .filter(({ crew_call_id, code }) => crew_call_id === crewCall.id && code !== null)
      .map(({ technician_id, resource, code }) => ({
        person: personWithId(technician_id),
        resource: flexIdOf({ resource }),
        roleCode: code,
        role: roleOf(crewCall, code),
      })),
    rows: rows.filter(({ crew_call_id }) => crew_call_id === crewCall.id),
    lines: flex.contactLinesOf(crewCall.element),
  }));
}

export function personWithId(id: string | null): Person {
  return people.find((person) => person.id === id) ?? { id: id ?? "", name: `person ${id}`, resource: null };
}

function roleOf({ department }: CrewCall, code: string): string | null {
  if (department !== "sound") return null;
  return soundRoles.get(code.split("-").at(-1) ?? "") ?? null;
}
