import type { Sql } from "postgres";
import { idOf } from "../../src/demo/ids.ts";
import { flexIdOf, type Name, people, personNamed } from "../../src/demo/people.ts";
import { drainOnce } from "../../src/drainer/drain.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { assign, type Person } from "../crew-call.ts";

/** The crew calls of a day on which much goes wrong, by what is wrong with them. */
export type BadDay = Record<
  "held" | "failed" | "unmapped" | "unknown" | "blocked" | "neverSynced" | "notRequested" | "synced",
  string
>;

type World = { sql: Sql; databaseUrl: string; flex: Simulator };

const CREW: readonly Name[] = [
  "Agnieszka Dąbrowska",
  "Álvaro Núñez Peña",
  "Björn Ahlström",
  "Chloé Dubois-Marchand",
  "Gonçalo Figueiredo Sá",
  "Iván Cortés Muñoz",
  "Laia Bosch Gràcia",
  "Søren Kjærgaard",
];
const STRANGERS: readonly Name[] = [
  "Dave Whitlock",
  "Eider Ibarretxe Goñi",
  "Helena Vidal i Roca",
  "Pau Soler Climent",
  "Zoë van den Berg",
];
const REFUSED: Name = "Klára Nováková";
const UNANSWERED: Name = "Saoirse O’Connell";
const WITHOUT_CONTACT: Name = "Nerea Olabarria Ugarte";

/** Makes it in an installed database and a simulated Flex. */
export async function makeBadDay(world: World): Promise<BadDay> {
  const { sql, flex } = world;
  for (const { name, ...person } of people) {
    const resource = flexIdOf(person);
    if (resource) flex.addContact(resource, name);
  }
  await sql`alter table profiles add column full_name text`;
  const make = (name: string, department: Department, crew: readonly Name[]) =>
    makeCall(world, name, department, crew);
  const held = await make("held", "lights", CREW.slice(0, 4));
  for (const stranger of STRANGERS) flex.humanAdds(held.element, flexIdOf(personNamed(stranger)) ?? "");
  const failed = await make("failed", "video", [...CREW.slice(0, 5), REFUSED]);
  const unmapped = await make("unmapped", "sound", [...CREW.slice(2, 6), WITHOUT_CONTACT]);
  const unknown = await make("unknown", "lights", [...CREW.slice(1, 4), UNANSWERED]);
  const blocked = await make("blocked", "video", CREW.slice(0, 3));
  const notRequested = await make("not requested", "sound", CREW.slice(0, 4));
  const synced = await make("synced", "sound", CREW);
  const others = await Promise.all(
    (["lights", "video", "sound", "lights"] as const).map((department, n) =>
      make(`well ${n}`, department, CREW.slice(n, n + 4)),
    ),
  );
  flex.fault({
    route: "add",
    resource: resourceOf(REFUSED),
    forever: true,
    do: { kind: "answer", status: 400, body: { exceptionMessage: "Contact is not active" } },
  });
  flex.fault({ route: "add", resource: resourceOf(UNANSWERED), do: { kind: "apply-late", answer: "reset" } });
  for (const { id } of [synced, ...others, notRequested, unmapped, blocked, failed, unknown, held])
    await sql`select sync_crew_call(${id}, requested_by => 'planning')`;
  await drain(world);
  flex.deleteElement(blocked.element);
  // Looked at once more, so that the lines we made have their names.
  for (const { id } of [...others, synced, notRequested, blocked])
    await sql`select sync_crew_call(${id}, requested_by => 'planning')`;
  await drain(world);
  await assign(sql, { job: notRequested.job, department: "sound" }, [personOf("Mikel Zubizarreta Ochoa")]);
  const neverSynced = await make("never synced", "lights", CREW.slice(0, 2));
  const calls = { held, failed, unmapped, unknown, blocked, neverSynced, notRequested, synced };
  return Object.fromEntries(Object.entries(calls).map(([name, { id }]) => [name, id])) as BadDay;
}

function drain({ databaseUrl, flex }: World) {
  return drainOnce({
    databaseUrl,
    flexBaseUrl: flex.baseUrl,
    flexAuthToken: flex.token,
    // What is unanswered stays so for a minute: nobody waits for it.
    patienceMs: 3_000,
  });
}

type Department = "sound" | "lights" | "video";

async function makeCall({ sql, flex }: World, name: string, department: Department, crew: readonly Name[]) {
  const call = {
    id: idOf(`call ${name}`),
    job: idOf(`job ${name}`),
    element: idOf(`element ${name}`),
    department,
  };
  flex.addElement(call.element);
  await sql`insert into jobs (id) values (${call.job})`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id)
    values (${call.id}, ${call.job}, ${department}, ${call.element})`;
  await assign(sql, call, crew.map(personOf));
  for (const { id, name: called } of crew.map(personNamed))
    await sql`update profiles set full_name = ${called} where id = ${id}`;
  return call;
}

function personOf(name: Name): Person {
  const { id, resource } = personNamed(name);
  return { id, resource, role: "FOH" };
}

function resourceOf(name: Name): string {
  return flexIdOf(personNamed(name)) ?? "";
}
