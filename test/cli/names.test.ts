import { expect, test } from "vitest";
import { ana, ben, cleo } from "../crew-call.ts";
import { cli } from "./command-line.ts";
import { setStage } from "./stage.ts";

test("status, history and sync call people what the host calls them", async () => {
  const { env, sql, makeCall, drainOnce } = await setStage();
  await sql`alter table profiles add first_name text, add last_name text`;
  const call = await makeCall({ desired: [ana, ben, { ...cleo, resource: null }] });
  await sql`update profiles set first_name = 'Ana', last_name = 'Muñoz' where id = ${ana.id}`;
  await sql`update profiles set first_name = 'Cleo', last_name = 'Dumas' where id = ${cleo.id}`;
  await sql`select sync_crew_call(${call.id})`;
  await drainOnce();

  const status = await cli(["status", call.id], env);
  expect(status.stdout).toMatch(new RegExp(`^${ana.id} +Ana Muñoz +synced`, "m"));
  expect(status.stdout).toContain(`Cleo Dumas ${cleo.id}: has no Flex contact id`);

  const history = await cli(["history", call.id], env);
  expect(history.stdout).toContain(`Ana Muñoz ${ana.id}: Flex added the person`);
  expect(history.stdout).toContain(` ${ben.id}: Flex added the person`);

  await sql`update profiles set first_name = 'Hana' where id = ${ben.id}`;
  const one = await cli(["history", call.id, "ana", "--json"], env);
  expect(JSON.parse(one.stdout)).toMatchObject({ technician_id: ana.id, names: { [ana.id]: "Ana Muñoz" } });

  const synced = await cli(["sync", call.id, "--no-wait"], env);
  expect(synced.stdout).toContain(`person Cleo Dumas ${cleo.id} unmapped: has no Flex contact id`);
});
