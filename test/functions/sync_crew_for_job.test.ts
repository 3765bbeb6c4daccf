import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, assign, ben, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf } from "./asking.ts";
import { drainWith } from "./drain-with.ts";

/** A job with crew calls for sound and lights, and somebody in video without one. */
async function makeJob() {
  const { sql } = await createDatabase();
  const sound = await makeCrewCall(sql, { desired: [ana] });
  const lights = await makeCrewCall(sql, {
    department: "lights",
    desired: [ana],
    job: sound.job,
    flex: sound.flex,
  });
  await assign(sql, { job: sound.job, department: "video" }, [ben]);
  return { sql, sound, lights };
}

describe("sync_crew_for_job", () => {
  test("answers every department that has a crew call or crew", async () => {
    const { sql, sound, lights } = await makeJob();
    const [row] = await sql`select sync_crew_for_job(${sound.job}) as answer`;
    expect(row?.answer).toMatchObject({
      sound: { crew_call_id: sound.id, to_add: [{ technician_id: ana.id }], condition: "pending" },
      lights: { crew_call_id: lights.id, condition: "pending" },
      video: { condition: "no_crew_call" },
    });
    expect(Object.keys(row?.answer)).toHaveLength(3);
    await drainWith(sql, sound.flex);
    expect(await conditionOf(sql, sound)).toBe("synced");
    expect(await conditionOf(sql, lights)).toBe("synced");
  });

  test("answers exactly the departments named, however they are written", async () => {
    const { sql, sound } = await makeJob();
    const [row] = await sql`select sync_crew_for_job(${sound.job}, ${["  SOUND", "rigging"]}) as answer`;
    expect(row?.answer).toMatchObject({
      sound: { crew_call_id: sound.id },
      rigging: { condition: "no_crew_call" },
    });
    expect(Object.keys(row?.answer)).toHaveLength(2);
    const [none] = await sql`select sync_crew_for_job(${sound.job}, ${sql.array([], 25)}) as answer`;
    expect(none?.answer).toEqual({});
  });

  test("names a second crew call of a department too", async () => {
    const { sql, sound } = await makeJob();
    await makeCrewCall(sql, { job: sound.job });
    const [row] = await sql`select sync_crew_for_job(${sound.job}, '{sound}') as answer`;
    expect(Object.keys(row?.answer).toSorted()).toEqual(["sound", "sound (2)"]);
  });

  test("names a crew call without a department too, where the host allows it", async () => {
    const { sql, sound } = await makeJob();
    await sql`alter table flex_crew_calls alter column department drop not null`;
    const other = await makeCrewCall(sql, { job: sound.job });
    await sql`update flex_crew_calls set department = null where id = ${other.id}`;
    const [row] = await sql`select sync_crew_for_job(${sound.job}) as answer`;
    expect(Object.keys(row?.answer).toSorted()).toEqual(["", "lights", "sound", "video"]);
    expect(row?.answer[""]).toMatchObject({ crew_call_id: other.id, condition: "pending", to_add: [] });
    const [named] = await sql`select sync_crew_for_job(${sound.job}, '{sound}') as answer`;
    expect(Object.keys(named?.answer)).toEqual(["sound"]);
  });

  test("writes nothing as a dry run", async () => {
    const { sql, sound } = await makeJob();
    await sql.begin("read only", (tx) => tx`select sync_crew_for_job(${sound.job}, dry_run => true)`);
    expect(await sql`select * from flex_sync.outbox`).toEqual([]);
  });

  test("refuses an unknown job and other isolation levels", async () => {
    const { sql, sound } = await makeJob();
    await expect(sql`select sync_crew_for_job(${randomUUID()})`).rejects.toMatchObject({ code: "NOJOB" });
    await expect(
      sql.begin("isolation level serializable", (tx) => tx`select sync_crew_for_job(${sound.job})`),
    ).rejects.toMatchObject({ code: "ISOLA" });
  });
});
