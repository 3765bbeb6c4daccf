import type { Sql } from "postgres";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { createDatabase, type TestDatabase } from "../postgres/database.ts";
import { PEOPLE } from "./history.ts";

export type World = {
  sql: Sql;
  url: string;
  flex: Simulator;
  crewCall: string;
  element: string;
  /** When people deleted lines by hand, on the simulator's clock. */
  humanDeletions: number[];
};

const uuid = (family: string, number: number) =>
  `${family}-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** Ids that can be read in a failure: the first digit tells what it is, the last ones which. */
export const id = {
  job: uuid("10000000", 1),
  person: (number: number) => uuid("20000000", number),
  resource: (number: number, second: boolean) => uuid(second ? "31000000" : "30000000", number),
  stranger: (number: number) => uuid("3f000000", number),
  role: (tier: "R" | "E" | "T") => uuid("40000000", "RET".indexOf(tier)),
  crewCall: uuid("50000000", 1),
  element: uuid("60000000", 1),
};

/** Milliseconds: the HTTP deadline of the drainers, and settings.late_landing. */
export const TIMEOUT_MS = 250;
export const LATE_LANDING_MS = 400;

/** A fresh database and a fresh Flex: one sound crew call, nobody assigned, waits short enough for a test. */
export async function makeWorld(): Promise<World & { database: TestDatabase }> {
  const database = await createDatabase();
  const { sql, url } = database;
  const flex = await startSimulator({ limits: false, roleCell: "bare-id" });
  flex.addElement(id.element);
  await sql`insert into jobs (id) values (${id.job})`;
  for (let person = 0; person < PEOPLE; person++) {
    await sql`insert into profiles (id, flex_resource_id) values (${id.person(person)}, ${id.resource(person, false)})`;
  }
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id) values (${id.crewCall}, ${id.job}, 'sound', ${id.element})`;
  await sql`insert into flex_sync.business_roles values ('sound', 'R', ${id.role("R")}), ('sound', 'E', ${id.role("E")}), ('sound', 'T', ${id.role("T")})`;
  await sql`update flex_sync.settings set lease = '2100 ms', late_landing = ${`${LATE_LANDING_MS} ms`}::interval, confirm_after = '100 ms', monthly_limit = 10000000`;
  return { sql, url, flex, crewCall: id.crewCall, element: id.element, humanDeletions: [], database };
}
