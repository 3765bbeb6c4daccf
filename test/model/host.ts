import { CREW_CALLS, roleIdOf } from "./crew-calls.ts";
import { PEOPLE, type Resource, type Start } from "./history.ts";
import { id } from "./ids.ts";
import type { Lab } from "./lab.ts";

/** Somebody an element should show: who, for which crew call, with which role. */
export type Wanted = { call: number; person: number; roleId: string | null };

type Assignment = { sound: string | null; lights: string | null };

/**
 * The host application: its tables, and beside them what they say, kept in plain TypeScript so that what is checked is
 * not computed by the SQL under test.
 */
export type Host = ReturnType<typeof createHost>;

export function createHost({ run, time }: Lab) {
  const resources = new Map<number, { is: Resource; last: string }>();
  const assignments = new Map<string, Assignment>();
  const elementOf = new Map<number, number | null>();
  const since = new Map<string, number>();
  const until = new Map<string, number>();

  /** Who is desired on an element, by resource. */
  function wantedOn(element: number): Map<string, Wanted[]> {
    const wanted = new Map<string, Wanted[]>();
    for (const { call, person, role } of desiredOn(element)) {
      const resource = resourceOf(person);
      if (resource === null) continue;
      const roleId = roleIdOf(call, role);
      wanted.set(resource, [...(wanted.get(resource) ?? []), { call, person, roleId }]);
    }
    return wanted;
  }

  function desiredOn(element: number): { call: number; person: number; role: string }[] {
    const all: { call: number; person: number; role: string }[] = [];
    for (const [call, at] of elementOf) {
      if (at !== element) continue;
      const { job, department } = CREW_CALLS[call] as (typeof CREW_CALLS)[number];
      for (const person of resources.keys()) {
        const role = assignments.get(`${job}/${person}`)?.[department];
        if (role !== undefined && role !== null && role !== "none") all.push({ call, person, role });
      }
    }
    return all;
  }

  function resourceOf(person: number): string | null {
    const known = resources.get(person);
    if (!known || known.is === "none" || known.is === "malformed") return null;
    return id.resource(known.is === "shared" ? 0 : person, known.is === "second" ? "second" : "first");
  }

  /** Remember since when who is wanted where. A desired person without a resource keeps the line of the last one. */
  function noteWanted(): void {
    const now = new Set<string>();
    for (const element of new Set(elementOf.values())) {
      if (element === null) continue;
      for (const resource of wantedOn(element).keys()) now.add(`${element}/${resource}`);
      for (const { person } of desiredOn(element)) {
        const known = resources.get(person);
        if (known && resourceOf(person) === null) now.add(`${element}/${known.last} of ${person}`);
      }
    }
    for (const key of since.keys()) {
      if (now.has(key)) continue;
      since.delete(key);
      until.set(key, time.now());
    }
    for (const key of now) if (!since.has(key)) since.set(key, time.now());
  }

  return {
    wantedOn,
    desiredOn,
    resourceOf,
    /** Since when a resource is wanted on an element without a break; null when it is not. */
    wantedSince: (element: number, resource: string) => since.get(`${element}/${resource}`) ?? null,
    /** When a resource that is not wanted was wanted last; null when it is wanted. */
    wantedUntil: (element: number, resource: string) =>
      since.has(`${element}/${resource}`) ? null : (until.get(`${element}/${resource}`) ?? 0),
    /** Since when a person is desired who has no resource any more, and had this one last. */
    keptSince(element: number, resource: string) {
      const found = [...since].filter(([key]) => key.startsWith(`${element}/${resource} of `));
      return found.length === 0 ? null : Math.min(...found.map(([, at]) => at));
    },
    elementOf: (call: number) => elementOf.get(call),
    calls: () => [...elementOf.keys()],
    people: () => [...resources.keys()],

    async setUp({ elements, crew }: Pick<Start, "elements" | "crew">): Promise<void> {
      await run`insert into jobs (id) values (${id.job(0)}), (${id.job(1)})`;
      for (let person = 0; person < PEOPLE; person++) {
        resources.set(person, { is: "first", last: id.resource(person, "first") });
        await run`insert into profiles (id, flex_resource_id) values (${id.person(person)}, ${id.resource(person, "first")})`;
      }
      for (const [call, element] of elements.entries()) {
        const { job, department } = CREW_CALLS[call] as (typeof CREW_CALLS)[number];
        elementOf.set(call, element);
        await run`insert into flex_crew_calls (id, job_id, department, flex_element_id)
          values (${id.crewCall(call)}, ${id.job(job)}, ${department}, ${id.element(element)})`;
      }
      await run`insert into flex_sync.business_roles values
        ('sound', 'R', ${id.role("sound", "R")}), ('sound', 'E', ${id.role("sound", "E")}), ('sound', 'T', ${id.role("sound", "T")}),
        ('lights', 'R', ${id.role("lights", "R")}), ('lights', 'E', ${id.role("lights", "E")})`;
      for (const person of crew) await this.assign(0, person, person % 2 ? "lights" : "sound", "SND-FOH-R");
    },

    async assign(
      job: number,
      person: number,
      department: "sound" | "lights",
      role: string | null,
    ): Promise<void> {
      if (!resources.has(person)) return;
      const key = `${job}/${person}`;
      const now = { ...(assignments.get(key) ?? { sound: null, lights: null }), [department]: role };
      assignments.set(key, now);
      await run`insert into job_assignments (job_id, technician_id, sound_role, lights_role)
        values (${id.job(job)}, ${id.person(person)}, ${now.sound}, ${now.lights})
        on conflict (job_id, technician_id) do update set sound_role = excluded.sound_role, lights_role = excluded.lights_role`;
      noteWanted();
    },

    async setResource(person: number, is: Resource): Promise<void> {
      const known = resources.get(person);
      if (!known) return;
      const last = resourceOf(person) ?? known.last;
      resources.set(person, { is, last });
      const text = is === "malformed" ? "no-uuid" : resourceOf(person);
      // Ids are compared trimmed and lower-case.
      await run`update profiles set flex_resource_id = ${text && (person % 2 ? ` ${text.toUpperCase()}` : text)} where id = ${id.person(person)}`;
      noteWanted();
    },

    async point(call: number, element: number | null): Promise<void> {
      if (!elementOf.has(call)) return;
      elementOf.set(call, element);
      await run`update flex_crew_calls set flex_element_id = ${element === null ? null : id.element(element)} where id = ${id.crewCall(call)}`;
      noteWanted();
    },

    async deleteCall(call: number): Promise<void> {
      elementOf.delete(call);
      await run`delete from flex_crew_calls where id = ${id.crewCall(call)}`;
      noteWanted();
    },

    async deletePerson(person: number): Promise<void> {
      resources.delete(person);
      await run`delete from profiles where id = ${id.person(person)}`;
      noteWanted();
    },
  };
}
