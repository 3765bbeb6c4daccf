import { randomUUID } from "node:crypto";
import type { DemoWorld } from "../../src/demo/build-season.ts";
import { flexIdOf, type Name, personNamed } from "../../src/demo/people.ts";
import { crewCallTitled, soundRoles } from "../../src/demo/season.ts";

type Difference = {
  /** Makes something so that must not be. */
  bringIn: (world: DemoWorld) => unknown;
  /** What the demo has to print. */
  found: string;
};

const lyon = crewCallTitled("Lyon, sound");

function lineOf(name: Name, { flex }: DemoWorld): string {
  const resource = flexIdOf(personNamed(name));
  const line = flex.contactLinesOf(lyon.element).find(({ resourceId }) => resourceId === resource);
  if (!line) throw new Error(`${name} has no line on ${lyon.title}`);
  return line.id;
}

/** Makes a call that no drainer made. */
function call({ flex }: DemoWorld, path: string, method: "GET" | "POST" = "GET") {
  const body = new URLSearchParams({ managedResourceLineItemType: "contact" });
  const sent = method === "POST" ? { method, body } : {};
  return fetch(`${flex.baseUrl}${path}`, { ...sent, headers: { "X-Auth-Token": flex.token } });
}

/** At least one for each check of the demo; they do not get into each other's way. */
export const differences: Record<string, Difference> = {
  "somebody is gone from Flex": {
    bringIn: (world) => world.flex.humanDeletes(lineOf("Laia Bosch Gràcia", world)),
    found: "Lyon, sound: Laia Bosch Gràcia is there 0 times",
  },
  "somebody is twice in Flex": {
    bringIn: ({ flex }) =>
      flex.humanAdds(lyon.element, flexIdOf(personNamed("José Ángel Peñalver Ruiz")) ?? ""),
    found: "Lyon, sound: José Ángel Peñalver Ruiz is there 2 times",
  },
  "a row names another line": {
    bringIn: ({ sql }) => sql`update flex_crew_assignments set flex_line_item_id = ${randomUUID()}
      where technician_id = ${personNamed("Désirée Ballester Sanchis").id}`,
    found: "Lyon, sound: Désirée Ballester Sanchis has no row, several, or one with another line",
  },
  "a stranger is in Flex": {
    bringIn: ({ flex }) => flex.humanAdds(lyon.element, flexIdOf(personNamed("Dave Whitlock")) ?? ""),
    found: "Lyon, sound: Dave Whitlock is in Flex and not on the job",
  },
  "a stranger has a row": {
    bringIn: ({ sql }) => sql`insert into flex_crew_assignments (crew_call_id, technician_id)
      values (${lyon.id}, ${personNamed("Rocío Jiménez Heredia").id})`,
    found: "Lyon, sound: Rocío Jiménez Heredia has a row and should not",
  },
  "a line shows another role": {
    bringIn: (world) =>
      world.flex.humanSetsRole(lineOf("Xavier Fàbregas Pons", world), soundRoles.get("R") ?? ""),
    found: "Lyon, sound: Xavier Fàbregas Pons (SND-STG-T) shows another role",
  },
  "the table takes a second row": {
    bringIn: ({ sql }) => sql`alter table flex_crew_assignments
      drop constraint flex_crew_assignments_crew_call_technician_key`,
    found: "flex_crew_assignments took a second row for somebody",
  },
  "no copy was kept": {
    bringIn: ({ sql }) => sql`truncate flex_sync.removed_duplicates`,
    found: "0 copies are kept",
  },
  "an operation failed": {
    bringIn: ({ sql }) => sql`update flex_sync.outbox set state = 'failed', reason = 'refused'
      where kind = 'remove' and state = 'done'`,
    found: "remove for Mikel Zubizarreta Ochoa is failed",
  },
  "a crew call is not in sync": {
    bringIn: ({ sql }) => sql`select flex_sync.pause('a test')`,
    found: "Lyon, lights is paused (paused), not synced",
  },
  "nobody says who has no contact": {
    bringIn: ({ sql }) => sql`select flex_sync.pause('a test')`,
    found: "Sagunto, sound: Nerea Olabarria Ugarte is not reported as unmapped",
  },
  "the lost add is sent again": {
    bringIn: (world) => {
      const { element } = crewCallTitled("Bilbao, sound");
      const resource = flexIdOf(personNamed("Łukasz Wójcik"));
      return call(world, `/line-item/${element}/add-resource/${resource}`, "POST");
    },
    found: "Flex got 2 adds for Łukasz Wójcik",
  },
  "a write on a bad reading": {
    bringIn: ({ flex }) => {
      const { element } = crewCallTitled("Bilbao, lights");
      const bad = flex.calls.find((made) => made.fault === "list" && made.element === element);
      const add = flex.calls.find((made) => made.route === "add" && made.element === element);
      if (bad && add) add.number = bad.number + 0.5;
    },
    found: "Bilbao, lights: add was sent although the reading was bad",
  },
  "a call was not counted": {
    bringIn: async (world) => {
      for (let made = 0; made < 5; made += 1) await call(world, "/user-profile/current-user");
    },
    found: "counted",
  },
};
