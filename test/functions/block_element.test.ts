import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { ana, ben, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, recordedIn, request } from "./asking.ts";
import { drainWith, type Failure, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

type Blocked = {
  reason: string;
  /** What stands in the way, until it is mended. */
  block(sql: Sql, call: CrewCall): Promise<void>;
  mend(sql: Sql, call: CrewCall): Promise<void>;
  /** What Flex answers meanwhile. */
  answers?: Failure;
};

const BLOCKED: Blocked[] = [
  {
    reason: "access_denied",
    block: async () => {},
    mend: async () => {},
    answers: { outcome: "denied", status: 401 },
  },
  {
    reason: "element_gone",
    block: async (_, { flex, element }) => void flex.gone.add(element),
    mend: async (_, { flex, element }) => void flex.gone.delete(element),
  },
  {
    reason: "host_view",
    async block(sql) {
      await sql.unsafe(`create table before as select pg_get_viewdef('flex_sync.desired_crew') as text;
        create or replace view flex_sync.desired_crew as
        select id as crew_call_id, id as technician_id, (1 / 0)::text as flex_resource_id, null::text as role_code from flex_crew_calls`);
    },
    async mend(sql) {
      const [view] = await sql`select text from before`;
      await sql.unsafe(`create or replace view flex_sync.desired_crew as ${view?.text}`);
    },
  },
  {
    reason: "host_table",
    async block(sql) {
      await sql.unsafe(`create function refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;
        create trigger refuse before insert or update on flex_crew_assignments for each row execute function refuse()`);
    },
    mend: async (sql) => void (await sql`drop trigger refuse on flex_crew_assignments`),
  },
];

describe.each(BLOCKED)("what is blocked, reason $reason", ({ reason, block, mend, answers }) => {
  /** Blocked, with the cause still there. */
  async function blocked(): Promise<{ sql: Sql; call: CrewCall; meanwhile: () => Failure | undefined }> {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana], inFlex: [ana] });
    if (reason === "element_gone") call.flex.remove(call.element, call.lineOf(ana));
    await request(sql, call);
    await block(sql, call);
    const meanwhile = () => answers;
    await drainWith(sql, call.flex, meanwhile);
    expect(await conditionOf(sql, call)).toBe(`blocked ${reason}`);
    return { sql, call, meanwhile };
  }

  test("is left alone for an hour, then tried again, and goes on by itself once that is mended", async () => {
    const { sql, call, meanwhile } = await blocked();
    await moveClock(sql, "58 min");
    expect(await drainWith(sql, call.flex, meanwhile)).toEqual([]);
    await moveClock(sql, "3 min");
    const again = await drainWith(sql, call.flex, meanwhile);
    expect(again.map(({ kind }) => kind)).toContain("observe");
    expect(await conditionOf(sql, call)).toBe(`blocked ${reason}`);

    await mend(sql, call);
    await moveClock(sql, "61 min");
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(Object.keys(await recordedIn(sql, call)).sort()).toEqual([ana.id, ben.id]);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, ben.resource]);
  });

  test("is tried again by each sync request", async () => {
    const { sql, call, meanwhile } = await blocked();
    const answer = await request(sql, call);
    expect(answer.condition).toBe("blocked");
    const again = await drainWith(sql, call.flex, meanwhile);
    // Without the host's view there is nothing to compare a reading with: asking has looked at the view again.
    expect(again.map(({ kind }) => kind)).toEqual(reason === "host_view" ? [] : ["observe"]);
    await mend(sql, call);
    await request(sql, call);
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
