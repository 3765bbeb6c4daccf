import type { CrewCallFacts, Wanted } from "./read-facts.ts";
import { personWithId } from "./read-facts.ts";

/** What is wrong, with the names of those it is wrong for: one entry per person and crew call. */
export type Audit = {
  duplicateRows: string[];
  twiceInFlex: string[];
  missingInFlex: string[];
  nobodysLines: string[];
  rolesWrongOrUnset: string[];
  unmapped: string[];
};

export const AUDIT_TITLES: Record<keyof Audit, string> = {
  duplicateRows: "duplicate rows",
  twiceInFlex: "people twice in Flex",
  missingInFlex: "missing in Flex",
  nobodysLines: "lines of nobody wanted",
  rolesWrongOrUnset: "sound roles wrong or unset",
  unmapped: "without a Flex contact",
};

/** Count the damage, from the tables and from inside Flex. */
export function audit(facts: CrewCallFacts[]): Audit {
  const names = (pick: (facts: CrewCallFacts) => string[]) => facts.flatMap(pick);
  return {
    duplicateRows: names(({ rows }) =>
      rows
        .filter((row, at) => rows.findIndex((other) => other.technician_id === row.technician_id) < at)
        .map((row) => personWithId(row.technician_id).name),
    ),
    twiceInFlex: names((call) => nameAll(call.wanted.filter((who) => linesOf(who, call).length > 1))),
    missingInFlex: names((call) =>
      nameAll(call.wanted.filter((who) => who.resource !== null && linesOf(who, call).length === 0)),
    ),
    nobodysLines: names((call) => strangers(call).map(({ name }) => name ?? "somebody")),
    rolesWrongOrUnset: names((call) =>
      nameAll(call.wanted.filter((who) => linesOf(who, call).some((line) => line.roleId !== who.role))),
    ),
    unmapped: names(({ wanted }) => nameAll(wanted.filter(({ resource }) => resource === null))),
  };
}

/** The lines that show a person. */
export function linesOf({ resource }: Pick<Wanted, "resource">, { lines }: CrewCallFacts) {
  return lines.filter((line) => resource !== null && line.resourceId === resource);
}

/** The lines of people whom the job does not want. */
export function strangers({ wanted, lines }: CrewCallFacts) {
  return lines.filter((line) => !wanted.some(({ resource }) => resource === line.resourceId));
}

function nameAll(wanted: Wanted[]): string[] {
  return wanted.map(({ person }) => person.name);
}
