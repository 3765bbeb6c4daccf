import type { Sql } from "postgres";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { as, assign, type Person, person } from "../crew-call.ts";

const uuid = (family: string, number: number) =>
  `${family}-0000-4000-8000-${String(number).padStart(12, "0")}`;

export const call = {
  id: uuid("50000000", 1),
  job: uuid("10000000", 1),
  department: "sound",
  element: uuid("60000000", 1),
} as const;
const role = { R: uuid("40000000", 1), E: uuid("40000000", 2), T: uuid("40000000", 3) };

const stays = as(person(1), "SND-FOH-R");
const changesRole = as(person(2), "SND-RF-E");
const leaves = person(3);
const leavesToo = person(4);
const comes = as(person(5), "SND-PA-T");
const comesWithoutTier = as(person(6), "SND");
const withOldResource = person(7);
const changesResource = { ...as(withOldResource, "SND-MON-E"), resource: person(17).resource };
const madeByHand = as(person(8), "SND-FOH-R");
const stranger = person(9);

/** Whom Flex has to show in the end, each once, with what role; null: whatever it is. */
export const expected: { resource: string; role: string | null }[] = [
  [stays, role.R],
  [changesRole, role.E],
  [comes, role.T],
  [comesWithoutTier, null],
  [changesResource, role.E],
  [madeByHand, role.R],
].map(([who, flexRole]) => ({
  resource: (who as Person).resource as string,
  role: flexRole as string | null,
}));

/**
 * One crew call where everything there is to do is due: three people to add, three roles to set, four lines to remove
 * (two who left, one whose resource changed, one of a stranger), and two people who stay, one on a line made by hand.
 */
export async function makeCrew(sql: Sql, flex: Simulator): Promise<void> {
  flex.addElement(call.element);
  await sql`insert into jobs (id) values (${call.job})`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id)
    values (${call.id}, ${call.job}, ${call.department}, ${call.element})`;
  await sql`insert into flex_sync.business_roles
    values ('sound', 'R', ${role.R}), ('sound', 'E', ${role.E}), ('sound', 'T', ${role.T})`;
  await assign(sql, call, [stays, changesRole, comes, comesWithoutTier, changesResource, madeByHand]);
  const ours = [stays, changesRole, leaves, leavesToo, withOldResource].map((who) => ({
    who,
    line: flex.humanAdds(call.element, who.resource as string, { roleId: role.R }),
  }));
  flex.humanAdds(call.element, madeByHand.resource as string, { roleId: role.R });
  flex.humanAdds(call.element, stranger.resource as string);
  const gone = [leaves, leavesToo].map((who) => ({ id: who.id, flex_resource_id: who.resource }));
  await sql`insert into profiles ${sql(gone)}`;
  await sql`insert into flex_crew_assignments ${sql(
    ours.map(({ who, line }) => ({
      crew_call_id: call.id,
      technician_id: who.id,
      flex_line_item_id: line,
    })),
  )}`;
  await sql`insert into flex_sync.ledger ${sql(
    ours.map(({ who, line }) => ({
      flex_line_item_id: line,
      flex_element_id: call.element,
      flex_resource_id: who.resource,
      crew_call_id: call.id,
      technician_id: who.id,
      source: "added",
      entered_at: new Date(),
    })),
  )}`;
}
