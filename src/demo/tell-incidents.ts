import type { DemoWorld } from "./build-season.ts";
import { type Incidents, lostAnswerInTheBooks } from "./incidents.ts";
import type { Screen } from "./screen.ts";

/** What went wrong on the way, and what became of it. */
export async function tellIncidents(
  { sql, flex }: DemoWorld,
  screen: Screen,
  { lostAnswer, malformed, empty }: Incidents,
): Promise<void> {
  const found = await lostAnswerInTheBooks(sql, { lostAnswer });
  const adds = flex.calls.filter(
    ({ route, resource, element }) =>
      route === "add" && resource === lostAnswer.resource && element === lostAnswer.crewCall.element,
  );
  const { name } = lostAnswer.person;
  screen.say(`A lost answer. Flex added ${name}, and the connection broke before it could say so.`);
  screen.say(
    found
      ? `Nobody sent it again: a reading ${found.seconds.toFixed(1)} s later found the line, and it was recorded. ` +
          `Adds sent: ${adds.length}.`
      : "No reading has found the line yet.",
  );
  screen.gap();
  screen.say(`A malformed reading of ${malformed.title}. It was thrown away; the next one was good.`);
  screen.gap();
  const [asked] = await sql`
    select count(*)::int as identities from flex_sync.calls where kind = 'identity' and flex_element_id = ${empty.element}`;
  screen.say(
    `An empty reading of ${empty.title}, where ${empty.crew.length} people are recorded. ` +
      (asked?.identities > 0 ? "Flex was asked whether the document still exists: it does. " : "") +
      "A second reading, two seconds later, showed everybody. Nothing was written in between.",
  );
}
