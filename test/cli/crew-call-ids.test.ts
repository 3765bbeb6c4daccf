import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana } from "../crew-call.ts";
import { cli } from "./command-line.ts";
import { setStage } from "./stage.ts";

const FIRST = "3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60";
const SECOND = "3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b61";

describe("naming a crew call", () => {
  test("the beginning of an id will do, unless several begin so or none does", async () => {
    const { env, sql, makeCall } = await setStage();
    const call = await makeCall({ desired: [ana] });
    await sql`update flex_crew_calls set id = ${FIRST} where id = ${call.id}`;
    const status = await cli(["status", "3F0C9D1E", "--json"], env);
    expect(JSON.parse(status.stdout)).toMatchObject({ crew_call: { crew_call_id: FIRST } });
    const dry = await cli(["sync", "3f0c", "3f0c9d1e-8a52-4", "--dry-run", "--json"], env);
    expect(JSON.parse(dry.stdout).crew_calls).toMatchObject([{ crew_call_id: FIRST }]);
    await sql`insert into flex_crew_calls (id, job_id, department) values (${SECOND}, ${call.job}, 'lights')`;
    const several = await cli(["status", "3f0c9d1e"], env);
    expect(several.code).toBe(2);
    expect(several.stderr).toContain("BADID");
    expect(several.stderr).toContain(SECOND);
    const none = await cli(["sync", "ffff"], env);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("NOCAL");
  });

  test("ids of other things are recognised, and the crew call is named", async () => {
    const { env, sql, flex, makeCall, drainOnce } = await setStage();
    const call = await makeCall({ desired: [ana] });
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    const line = flex.contactLinesOf(call.element)[0]?.id as string;
    for (const [id, what] of [
      [call.job, "a job"],
      [call.element, "a crew call in Flex"],
      [ana.id, "a person"],
      [ana.resource as string, "a person's Flex contact"],
      [line, "a line in Flex"],
    ] as const) {
      for (const command of [["status"], ["sync", "--dry-run"], ["sync"]]) {
        const { code, stderr } = await cli([...command, id], env);
        expect(code).toBe(2);
        expect(stderr).toContain("(NOCAL)");
        expect(stderr).toContain(`the id of ${what}`);
        expect(stderr).toContain(call.id);
      }
    }
    expect((await cli(["status", call.job], env)).stderr).toContain(`flex-crew-sync sync --job ${call.job}`);
    const nothing = await cli(["status", randomUUID()], env);
    expect(nothing.stderr).not.toContain("the id of");
  });

  test("what is mistyped is answered with what may be meant", async () => {
    expect((await cli(["statsu"], {})).stderr).toContain("status");
    expect((await cli(["status", "--wtach"], {})).stderr).toContain("--watch");
  });
});
