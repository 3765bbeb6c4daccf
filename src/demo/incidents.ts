import type { Sql } from "postgres";
import type { Simulator } from "../simulator/simulator.ts";
import type { DemoWorld } from "./build-season.ts";
import type { Check } from "./checks.ts";
import { flexIdOf, type Person, personNamed } from "./people.ts";
import { type CrewCall, crewCallTitled } from "./season.ts";

/** What goes wrong on the way. */
export type Incidents = {
  lostAnswer: { crewCall: CrewCall; person: Person; resource: string };
  /** A reading that is not JSON, and one that is an empty list. */
  malformed: CrewCall;
  empty: CrewCall;
  /** Lines of those two elements before: a removal's path names the line only. */
  linesBefore: Map<string, string>;
};

/** Put the faults in force. Each strikes once. */
export function planIncidents(flex: Simulator): Incidents {
  const person = personNamed("Łukasz Wójcik");
  const lostAnswer = { crewCall: crewCallTitled("Bilbao, sound"), person, resource: flexIdOf(person) ?? "" };
  const malformed = crewCallTitled("Bilbao, lights");
  const empty = crewCallTitled("Lyon, video");
  flex.fault({
    route: "add",
    element: lostAnswer.crewCall.element,
    resource: lostAnswer.resource,
    do: { kind: "reset", when: "after" },
  });
  flex.fault({ route: "list", element: malformed.element, do: { kind: "list", transform: "not-json" } });
  flex.fault({ route: "list", element: empty.element, do: { kind: "list", transform: "empty" } });
  const linesBefore = new Map(
    [malformed, empty].flatMap(({ element }) =>
      flex.linesOf(element).map(({ id }): [string, string] => [id, element]),
    ),
  );
  return { lostAnswer, malformed, empty, linesBefore };
}

/** How the database tells the story of the lost answer; undefined where there was none. */
export async function lostAnswerInTheBooks(
  sql: Sql,
  { lostAnswer }: Pick<Incidents, "lostAnswer">,
): Promise<{ seconds: number } | undefined> {
  const [row] = await sql<{ seconds: number }[]>`
    select extract(epoch from outbox.finished_at - outbox.unknown_at)::float8 as seconds
    from flex_sync.calls
    join flex_sync.outbox on outbox.id = calls.operation_id
    join flex_sync.ledger on ledger.flex_line_item_id = calls.flex_line_item_id
    where calls.outcome = 'unknown'
      and calls.flex_resource_id = ${lostAnswer.resource}
      and ledger.source = 'accounted'`;
  return row;
}

/** Hold what Flex received against the promises: nothing sent twice, nothing written after a bad reading. */
export async function checkIncidents({ sql, flex }: DemoWorld, incidents: Incidents): Promise<Check[]> {
  const { lostAnswer, malformed, empty } = incidents;
  const adds = flex.calls.filter(
    ({ route, element, resource }) =>
      route === "add" && element === lostAnswer.crewCall.element && resource === lostAnswer.resource,
  );
  const found = await lostAnswerInTheBooks(sql, incidents);
  const [counted] = await sql`select count(*)::int as calls from flex_sync.calls`;
  return [
    {
      says: "the add whose answer was lost was sent once, and a reading found its line",
      differences: [
        ...(adds.length === 1 ? [] : [`Flex got ${adds.length} adds for ${lostAnswer.person.name}`]),
        ...(adds[0]?.fault === "reset" ? [] : ["the answer was not lost: the demo's fault did not strike"]),
        ...(found ? [] : [`no reading accounted for the line of ${lostAnswer.person.name}`]),
      ],
    },
    {
      says: "nothing was written on a malformed or an empty reading",
      differences: [malformed, empty].flatMap((crewCall) => writesAfterBadReading(crewCall, flex, incidents)),
    },
    {
      says: `every Flex call was counted before it was made (${counted?.calls})`,
      differences:
        flex.calls.length <= counted?.calls
          ? []
          : [`Flex got ${flex.calls.length}, ${counted?.calls} counted`],
    },
  ];
}

function writesAfterBadReading({ title, element }: CrewCall, flex: Simulator, { linesBefore }: Incidents) {
  const readings = flex.calls.filter((call) => call.route === "list" && call.element === element);
  const bad = readings.find(({ fault }) => fault === "list");
  if (!bad) return [`${title}: the demo's fault did not strike`];
  const good = readings.find(({ number, fault }) => number > bad.number && fault === null);
  if (!good) return [`${title}: no good reading came after the bad one`];
  return flex.calls
    .filter(({ number }) => number > bad.number && number < good.number)
    .filter(({ route }) => route === "add" || route === "role" || route === "remove")
    .filter((call) => (call.element ?? linesBefore.get(call.line ?? "")) === element)
    .map(({ route }) => `${title}: ${route} was sent although the reading was bad`);
}
