import { expect, test } from "vitest";
import { ana, ben, cleo } from "../crew-call.ts";
import { cli } from "./command-line.ts";
import { setStage } from "./stage.ts";

test("whoever has never seen it finds within three commands why one person is missing, and mends it as told", async () => {
  const { env, sql, flex, makeCall, drainOnce } = await setStage();
  const fine = await makeCall({ desired: [ana] });
  const call = await makeCall({ desired: [ana, ben, { ...cleo, resource: null }], department: "lights" });
  for (const { id } of [fine, call]) await sql`select sync_crew_call(${id})`;
  await drainOnce();

  // 1. The help names a command whose purpose is what is asked, and one for a single crew call.
  const help = await cli(["--help"], {});
  const examples = new Map(
    [...help.stdout.matchAll(/^ {2}\$ flex-crew-sync (.*)\n {6}(.*)$/gm)].map(
      ([, command = "", what = ""]) => [command, what],
    ),
  );
  const [all] = [...examples].find(([, what]) => what.includes("not in sync")) ?? [];
  const [one] = [...examples].find(([, what]) => /who is missing, why, and what to do/.test(what)) ?? [];
  expect([all, one]).toEqual(["status", "status ID"]);

  // 2. It lists what is not in sync first, and how to ask on.
  const status = await cli((all as string).split(" "), env);
  const [, first] = status.stdout.split("\n\n")[1]?.split("\n") ?? [];
  const [id = ""] = first?.split(" ") ?? [];
  expect(id).toBe(call.id);
  expect(status.stdout).toContain("flex-crew-sync status ID");

  // 3. It names the person, the reason in words, and what to do.
  const answer = await cli((one as string).replace("ID", id).split(" "), env);
  expect(answer.stdout).toContain(cleo.id);
  expect(answer.stdout).toContain("has no Flex contact id");
  const { crew_call } = JSON.parse((await cli(["status", id, "--json"], env)).stdout);
  expect(answer.stdout).toContain(crew_call.next_action);

  // What it says to do mends it.
  const [, told = ""] = answer.stdout.split("What to do next");
  expect(told).toContain("flex_resource_id");
  await sql`update profiles set flex_resource_id = ${cleo.resource} where id = ${cleo.id}`;
  const [statement = ""] = /select sync_crew_call\([^;]*;/.exec(told) ?? [];
  await sql.unsafe(statement);
  await drainOnce();
  expect((await cli(["status", id], env)).code).toBe(0);
  expect(flex.contactLinesOf(call.element)).toHaveLength(3);
});
