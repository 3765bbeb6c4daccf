import { randomUUID } from "node:crypto";
import { expect, onTestFinished } from "vitest";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { ana, ben, cleo, dan, eva, type Person } from "../crew-call.ts";
import { AUDITED_TABLES } from "../hosts/audited-tables.ts";
import { createDatabase } from "../postgres/database.ts";

/** A host whose old function synced it until now: Ana recorded twice, Ben forgotten, Cleo left over. */
export async function hostOfTheOldFunction() {
  const { sql, url } = await createDatabase({ template: "empty" });
  const flex = await startSimulator();
  onTestFinished(() => flex.stop());
  await sql.unsafe(AUDITED_TABLES);
  const call = { id: randomUUID(), job: randomUUID(), element: randomUUID() };
  flex.addElement(call.element);
  await sql`insert into jobs (id) values (${call.job})`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id) values (${call.id}, ${call.job}, 'sound', ${call.element})`;
  for (const { id, resource } of [ana, ben, cleo, dan, eva])
    await sql`insert into profiles (id, flex_resource_id) values (${id}, ${resource})`;
  const host = {
    sql,
    url,
    flex,
    call,
    assign: (who: Person) =>
      sql`insert into job_assignments (job_id, technician_id, sound_role) values (${call.job}, ${who.id}, 'SND-FOH-R')`,
    unassign: (who: Person) => sql`delete from job_assignments where technician_id = ${who.id}`,
    inFlex: () =>
      flex
        .contactLinesOf(call.element)
        .map(({ resourceId }) => resourceId)
        .sort(),
    /** What the old function does: a line in Flex. The page's upsert, or its blind insert, records it. */
    addsInFlex: (who: Person) => flex.humanAdds(call.element, who.resource ?? ""),
    recordsBlindly: (who: Person, line: string) =>
      sql`insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) values (${call.id}, ${who.id}, ${line})`,
    /** Wait for a fact: what the view says of the crew call. */
    until: (says: string) =>
      expect
        .poll(
          async () => {
            const [row] =
              await sql`select concat_ws(' ', condition, reason) as says from flex_sync.crew_call_status`;
            return row?.says;
          },
          { timeout: 30_000, interval: 50 },
        )
        .toBe(says),
    /** The last request was answered by a reading. */
    read: () =>
      expect
        .poll(async () => (await sql`select from flex_sync.syncs where finished_at is null`).length, {
          timeout: 30_000,
          interval: 50,
        })
        .toBe(0),
    /** What reached Flex and changed it. */
    writes: () => flex.calls.filter(({ method }) => method !== "GET").length,
  };
  for (const who of [ana, ben]) await host.assign(who);
  for (const who of [ana, ana, cleo]) await host.recordsBlindly(who, host.addsInFlex(who));
  return host;
}
