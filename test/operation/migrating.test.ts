import { expect, test } from "vitest";
import { ana, ben, cleo, dan, type Person } from "../crew-call.ts";
import { hostOfTheOldFunction } from "./host-of-the-old-function.ts";
import { play, sections } from "./runbook-page.ts";

const PAGE = "docs/migrating.md";

const resources = (...people: Person[]) => people.map(({ resource }) => resource).sort();

test("from the old function and back again, block by block", async () => {
  const host = await hostOfTheOldFunction();
  const { sql, call } = host;
  const names = { CREW_CALL_ID: call.id, "'ID'": `'${call.job}'` };
  const section = (number: number) => {
    const heading = sections(PAGE).find((one) => one.heading.startsWith(`${number}. `))?.heading ?? "";
    return play(heading, host, PAGE);
  };

  const measure = section(1);
  const [before] = await measure.sh();
  expect(before?.code).toBe(1);
  for (const found of [
    "duplicate_assignments: 1",
    "assigned_and_not_recorded: 1",
    "recorded_and_not_assigned: 1",
  ])
    expect(before?.stdout).toContain(found);
  expect(await measure.sql()).toContain(ana.id);
  measure.finished();

  const installing = section(2);
  const [migrated, , doctor] = await installing.sh();
  expect([migrated?.code, doctor?.code]).toEqual([0, 0]);
  // The old function goes on: a second row is refused, the page's upsert is not.
  await expect(host.recordsBlindly(ana, "again")).rejects.toMatchObject({ code: "23505" });
  const line = host.addsInFlex(ben);
  await installing.sql({ ...names, TECHNICIAN_ID: ben.id, LINE_ID: line });
  await installing.sql({ ROLE_ID: "role-r" });
  await installing.sh();
  installing.finished();

  const beside = section(3);
  await beside.sql(names);
  await host.until("pending report_only");
  const explained = await beside.sql(names);
  expect(explained).toContain("report_only");
  const [drift] = await beside.sh();
  expect(drift?.stdout).toContain("recorded_and_not_desired: 1");
  expect(await beside.sql()).toContain(ben.resource);
  expect(host.writes()).toBe(0);
  expect(host.inFlex()).toEqual(resources(ana, ana, ben, cleo));
  beside.finished();

  const switching = section(4);
  await switching.sql();
  await host.read();
  expect(await switching.sql()).toContain(`line ${line} is ours now`);
  await host.read();
  await switching.sql(names);
  await host.until("synced");
  expect(host.inFlex()).toEqual(resources(ana, ben));
  await switching.sql(names);
  await host.read();
  await host.until("synced");
  // Ben's line, which the old function made after the installation, is ours: it goes when he leaves.
  await host.unassign(ben);
  await sql`select sync_crew_call(${call.id})`;
  await expect.poll(host.inFlex, { timeout: 30_000 }).toEqual(resources(ana));
  const [after] = await switching.sh();
  expect([after?.code, after?.stdout]).toEqual([0, expect.stringContaining("Nothing found.")]);
  switching.finished();

  const back = section(5);
  await back.sql();
  host.flex.clearCalls();
  await host.assign(dan);
  await sql`select sync_crew_call(${call.id})`;
  await host.recordsBlindly(dan, host.addsInFlex(dan));
  await host.until("paused paused");
  await back.sql();
  back.finished();
  // Forward again: what the old function made meanwhile is found, adopted, and nobody is added twice.
  await sql`select sync_crew_call(${call.id})`;
  await host.until("synced");
  const forward = section(4);
  await forward.sql();
  await host.read();
  expect(await forward.sql()).toContain(dan.id);
  await sql`update flex_sync.settings set policy = 'owned'`;
  await sql`select sync_crew_call(${call.id})`;
  await host.read();
  await host.until("synced");
  expect(host.inFlex()).toEqual(resources(ana, dan));
  // Dan's role is written; nobody is added or removed.
  const routes = host.flex.calls.map(({ route }) => route);
  expect(routes.filter((route) => route === "add" || route === "remove")).toEqual([]);

  const leaving = section(6);
  const recorded = await sql`select technician_id from flex_crew_assignments order by 1`;
  const [gone] = await leaving.sh();
  expect(gone?.code).toBe(0);
  expect(await sql`select technician_id from flex_crew_assignments order by 1`).toEqual(recorded);
  expect(await sql`select from flex_sync_removed_duplicates`).toHaveLength(1);
  await expect(host.recordsBlindly(ana, "again")).rejects.toMatchObject({ code: "23505" });
  await leaving.sql();
  await host.recordsBlindly(ana, "again");
  leaving.finished();
  expect(sections(PAGE).map(({ heading }) => heading.slice(0, 2))).toEqual([
    "1.",
    "2.",
    "3.",
    "4.",
    "5.",
    "6.",
  ]);
});
