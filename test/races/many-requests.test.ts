import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { createDatabase } from "../postgres/database.ts";
import { startDrainers, type Wish, watchSyncs, write } from "./writers.ts";

/** `REQUESTS=10000 npx vitest run test/races/many-requests.test.ts` is the long form. */
const REQUESTS = Number(process.env.REQUESTS ?? 400);
const CREW_CALLS = 10;
const PEOPLE = 20;
const ROLES = ["FOH-R", "FOH-E", "FOH-T"];

test(`of ${REQUESTS} requests from 8 writers none is lost while drainers run`, {
  timeout: 3_600_000,
}, async () => {
  const { sql, url } = await createDatabase();
  const flex = await startSimulator({ limits: false, roleCell: "bare-id" });
  onTestFinished(() => flex.stop());
  await sql`update flex_sync.settings set monthly_limit = 100000000, max_concurrency = 30`;
  const role = (code: string) => `40000000-0000-4000-8000-00000000000${ROLES.indexOf(code)}`;
  for (const code of ROLES)
    await sql`insert into flex_sync.business_roles values ('sound', ${code.at(-1) ?? ""}, ${role(code)})`;
  const calls = Array.from({ length: CREW_CALLS }, () => ({
    crewCall: randomUUID(),
    job: randomUUID(),
    element: randomUUID(),
  }));
  for (const { crewCall, job, element } of calls) {
    flex.addElement(element);
    await sql`insert into jobs (id) values (${job})`;
    await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id) values (${crewCall}, ${job}, 'sound', ${element})`;
  }
  const people = Array.from({ length: PEOPLE }, () => ({ id: randomUUID(), resource: randomUUID() }));
  for (const { id, resource } of people)
    await sql`insert into profiles (id, flex_resource_id) values (${id}, ${resource})`;
  const wishes: Wish[] = Array.from({ length: REQUESTS }, (_, number) => ({
    ...(calls[number % CREW_CALLS] as (typeof calls)[number]),
    person: people[Math.floor(number / CREW_CALLS) % PEOPLE]?.id ?? "",
    role: ROLES[Math.floor(number / CREW_CALLS / PEOPLE) % ROLES.length] ?? "",
  }));

  const from = Date.now();
  const drainers = startDrainers(url, flex, 3);
  const watch = watchSyncs(sql);
  await write(url, 8, wishes);
  const written = Date.now();
  await expect
    .poll(async () => sql`select condition from flex_sync.crew_call_status where condition <> 'synced'`, {
      timeout: 1_800_000,
      interval: 500,
    })
    .toEqual([]);
  const most = await watch.stop();
  await drainers.stop();
  console.info(
    `${REQUESTS} requests written in ${written - from} ms, synced ${Date.now() - written} ms later; at most ${JSON.stringify(most)}`,
  );

  // What the job says last, also where two writers crossed.
  for (const { job, element } of calls) {
    const wanted = await sql<{ id: string; code: string }[]>`
      select technician_id as id, sound_role as code from job_assignments where job_id = ${job}`;
    const shown = flex.contactLinesOf(element).map((line) => `${line.resourceId} ${line.roleId}`);
    const resource = (id: string) => people.find((one) => one.id === id)?.resource;
    expect(shown.toSorted()).toEqual(
      wanted.map(({ id, code }) => `${resource(id)} ${role(code)}`).toSorted(),
    );
    expect(shown).toHaveLength(Math.min(PEOPLE, Math.ceil(REQUESTS / CREW_CALLS)));
  }
  const [asked] =
    await sql`select sum(requests)::int as requests from flex_sync.syncs where requested_by not like 'flex-crew-sync%'`;
  expect(asked?.requests).toBe(REQUESTS);
  expect(most.waiting).toBeLessThanOrEqual(1);
});
