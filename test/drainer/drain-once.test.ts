import { expect, test } from "vitest";
import { type DrainOnceOptions, drainOnce } from "../../src/drainer/drain.ts";
import { ana, as, ben, cleo } from "../crew-call.ts";
import { crewInFlex, type Stage, setStage } from "./stage.ts";

const ROLE = "2916b300-c515-11ea-a087-2a0a4490a7fb";

function optionsOf({ url, flex }: Stage): DrainOnceOptions {
  return { databaseUrl: url, flexBaseUrl: flex.baseUrl, flexAuthToken: flex.token };
}

async function stageWithRoles(): Promise<Stage> {
  const stage = await setStage({ roleCell: "id-name" });
  await stage.sql`insert into flex_sync.business_roles (department, tier, flex_role_id) values ('sound', 'R', ${ROLE})`;
  return stage;
}

test("a first sync costs one call, one for each person and one for each role; a second sync costs one", async () => {
  const stage = await stageWithRoles();
  const call = await stage.makeCrewCall([ana, as(ben, "SND-FOH-R"), as(cleo, "SND-MON-R")]);
  await stage.sync(call);
  expect(await drainOnce(optionsOf(stage))).toEqual({ operations: 6 });
  expect(stage.flex.calls.map(({ route }) => route).sort()).toEqual([
    "add",
    "add",
    "add",
    "list",
    "role",
    "role",
  ]);
  expect((await stage.conditionOf(call)).condition).toBe("synced");

  stage.flex.clearCalls();
  await stage.sync(call);
  expect(await drainOnce(optionsOf(stage))).toEqual({ operations: 1 });
  expect(stage.flex.calls.map(({ route }) => route)).toEqual(["list"]);
  const counted = await stage.sql`select 1 from flex_sync.calls`;
  expect(counted).toHaveLength(7);
});

test("two clicks at once cost what one costs", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana, ben]);
  await Promise.all([stage.sync(call), stage.sync(call)]);
  await drainOnce(optionsOf(stage));
  expect(stage.flex.calls.map(({ route }) => route).sort()).toEqual(["add", "add", "list"]);
});

test("it waits for the confirming reading of a stale person, and adds them again", async () => {
  const stage = await setStage();
  await stage.sql`update flex_sync.settings set confirm_after = '300 ms'`;
  const call = await stage.makeCrewCall([ana, ben]);
  await stage.sync(call);
  await drainOnce(optionsOf(stage));
  const [line] = stage.flex.contactLinesOf(call.element);
  stage.flex.humanDeletes(line?.id as string);
  await stage.sync(call);
  await drainOnce(optionsOf(stage));
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
  expect((await stage.conditionOf(call)).condition).toBe("synced");
});

test("it does not wait for quota", async () => {
  const stage = await setStage();
  await stage.sql`update flex_sync.settings set hourly_limit = 2`;
  const call = await stage.makeCrewCall([ana, ben]);
  await stage.sync(call);
  expect(await drainOnce(optionsOf(stage))).toEqual({ operations: 2 });
  expect(await stage.conditionOf(call)).toEqual({ condition: "pending", reason: "quota" });
});

test("a quota of nothing is no error", async () => {
  const stage = await setStage();
  await stage.sql`update flex_sync.settings set monthly_limit = 0`;
  const call = await stage.makeCrewCall([ana]);
  await stage.sync(call);
  expect(await drainOnce(optionsOf(stage))).toEqual({ operations: 0 });
});

test("it does not wait for a proof of absence, nor for a breaker", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana]);
  stage.flex.fault({ route: "add", do: { kind: "accepted", when: "before" } });
  await stage.sync(call);
  await drainOnce(optionsOf(stage));
  expect((await stage.conditionOf(call)).condition).toBe("unknown");
  stage.flex.revokeToken();
  await stage.sync(call);
  await drainOnce(optionsOf(stage));
  expect(await stage.conditionOf(call)).toEqual({ condition: "blocked", reason: "token_refused" });
});

test("it ends although something is due that cannot be claimed", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana]);
  await stage.sync(call);
  // Somebody plans on the row, for longer than we care to wait.
  const held = stage.sql.begin(async (sql) => {
    await sql`select from flex_sync.outbox for update`;
    await drainOnce({ ...optionsOf(stage), patienceMs: 200 });
  });
  await held;
  expect(stage.flex.calls).toEqual([]);
  await drainOnce(optionsOf(stage));
  expect(crewInFlex(stage, call)).toEqual([ana.resource]);
});

test("nothing due ends at once and calls nobody", async () => {
  const stage = await setStage();
  expect(await drainOnce(optionsOf(stage))).toEqual({ operations: 0 });
  expect(stage.flex.calls).toEqual([]);
});

test("what waiting does not mend is a typed error that shows no secret", async () => {
  const stage = await setStage();
  const { sql } = stage;
  const wrong = (databaseUrl: string) => drainOnce({ ...optionsOf(stage), databaseUrl });
  const changed = (change: (url: URL) => void) => {
    const url = new URL(stage.url);
    change(url);
    return url.href;
  };
  await expect(wrong("postgres://user:secret%@host/database")).rejects.toMatchObject({ code: "DBURL" });
  await expect(wrong("postgres://user:se cret@ho st/database")).rejects.not.toThrow(/cret/);
  await expect(
    wrong(
      changed((url) => {
        url.pathname = "/nowhere";
      }),
    ),
  ).rejects.toMatchObject({
    code: "DBURL",
  });
  await sql`drop schema flex_sync cascade`;
  await expect(wrong(stage.url)).rejects.toMatchObject({ code: "NOINS" });
});

test("a lease that is too short for the timeout is refused by name", async () => {
  const stage = await setStage();
  await expect(drainOnce({ ...optionsOf(stage), timeoutMs: 29_000 })).rejects.toMatchObject({
    code: "LEASE",
  });
});

test("it tries again when another transaction was in its way, and ends with what else it meets", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana]);
  await stage.sync(call);
  await stage.sql.unsafe(`
    create sequence ticks;
    alter function flex_sync.tick() rename to real_tick;
    create function flex_sync.tick() returns int language plpgsql as $$
    begin
      if nextval('ticks') <= 2 then
        raise exception 'deadlock' using errcode = '40P01';
      end if;
      return flex_sync.real_tick();
    end $$`);
  await drainOnce(optionsOf(stage));
  expect(crewInFlex(stage, call)).toEqual([ana.resource]);

  await stage.sql.unsafe(`create or replace function flex_sync.tick() returns int language plpgsql as $$
    begin
      raise exception 'no' using errcode = '22012';
    end $$`);
  await expect(drainOnce(optionsOf(stage))).rejects.toMatchObject({ code: "22012" });
});
