import { linesOf, strangers } from "./audit.ts";
import { type CrewCallFacts, personWithId } from "./read-facts.ts";

/** One thing that has to be so, and what is not: empty where all is well. */
export type Check = { says: string; differences: string[] };

/** Compare who should be there with Flex and with the rows, person by person. */
export function checkCrews(facts: CrewCallFacts[]): Check[] {
  const differences = (of: (call: CrewCallFacts) => string[]) =>
    facts.flatMap((call) => of(call).map((what) => `${call.crewCall.title}: ${what}`));
  const mapped = (call: CrewCallFacts) => call.wanted.filter(({ resource }) => resource !== null);
  const placements = facts.reduce((sum, call) => sum + mapped(call).length, 0);
  return [
    {
      says: `everyone with a Flex contact (${placements} placements) is in Flex exactly once`,
      differences: differences((call) =>
        mapped(call)
          .map((who) => ({ name: who.person.name, times: linesOf(who, call).length }))
          .filter(({ times }) => times !== 1)
          .map(({ name, times }) => `${name} is there ${times} times`),
      ),
    },
    {
      says: "each has one row, and the row names that line",
      differences: differences((call) =>
        mapped(call)
          .filter((who) => {
            const rows = call.rows.filter(({ technician_id }) => technician_id === who.person.id);
            const lines = linesOf(who, call).map(({ id }) => id);
            return rows.length !== 1 || !lines.includes(rows[0]?.flex_line_item_id ?? "");
          })
          .map(({ person }) => `${person.name} has no row, several, or one with another line`),
      ),
    },
    {
      says: "nobody else is in Flex, and nobody else has a row",
      differences: differences((call) => [
        ...strangers(call).map(({ name }) => `${name} is in Flex and not on the job`),
        ...call.rows
          .filter((row) => !mapped(call).some(({ person }) => person.id === row.technician_id))
          .map((row) => `${personWithId(row.technician_id).name} has a row and should not`),
      ]),
    },
    {
      says: "sound has the roles of its tiers, lights and video have none",
      differences: differences((call) =>
        mapped(call)
          .filter((who) => linesOf(who, call).some(({ roleId }) => roleId !== who.role))
          .map(({ person, roleCode }) => `${person.name} (${roleCode}) shows another role`),
      ),
    },
  ];
}
