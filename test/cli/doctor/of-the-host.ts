import { expect } from "vitest";
import { ana, as, ben } from "../../crew-call.ts";
import type { Stage } from "../stage.ts";
import type { Misconfiguration } from "./misconfiguration.ts";

const COLUMNS = "null::uuid as crew_call_id, null::uuid as technician_id, ''::text as flex_resource_id";

/** The view as a host might replace it; putting back what was there is what `mend` says. */
const viewThat =
  (select: string) =>
  async ({ sql }: Stage) => {
    await sql.unsafe(`create or replace view flex_sync.desired_crew as ${select}`);
    return undefined;
  };

async function putBack({ sql }: Stage) {
  await sql.unsafe(
    `create or replace view flex_sync.desired_crew as select ${COLUMNS}, ''::text as role_code where false`,
  );
  return undefined;
}

const set =
  (what: string) =>
  async ({ sql }: Stage) => {
    await sql.unsafe(`update flex_sync.settings set ${what}`);
    return undefined;
  };

export const ofTheHost: Misconfiguration[] = [
  {
    name: "desired_crew with other columns",
    check: "desired_crew",
    status: "fail",
    names: "crew_call_id text",
    // What reads the view went with it.
    also: ["business_roles fail", "functions fail", "functions warn"],
    async make({ sql }) {
      await sql`alter view flex_sync.desired_crew rename to former`;
      await sql`create view flex_sync.desired_crew as select ''::text as crew_call_id`;
      return undefined;
    },
    async mend({ sql }, { mend }) {
      expect(mend).toContain("crew_call_id uuid, technician_id uuid, flex_resource_id text, role_code text");
      await sql`drop view flex_sync.desired_crew`;
      await sql`alter view flex_sync.former rename to desired_crew`;
      return undefined;
    },
  },
  {
    name: "desired_crew that fails",
    check: "desired_crew",
    status: "fail",
    names: "division by zero",
    also: ["business_roles fail"],
    make: viewThat(`select ${COLUMNS}, (1 / (random() * 0)::int)::text as role_code`),
    mend: putBack,
  },
  {
    name: "desired_crew that depends on the session",
    check: "desired_crew",
    status: "fail",
    names: "current_user",
    make: viewThat(`select ${COLUMNS}, ''::text as role_code where current_user = 'somebody'`),
    mend: putBack,
  },
  {
    name: "desired_crew that calls what depends on the session",
    check: "desired_crew",
    status: "fail",
    names: "current_setting",
    async make(stage) {
      await stage.sql.unsafe(
        `create function who() returns text language sql as $$ select current_setting('app.who', true) $$`,
      );
      return viewThat(`select ${COLUMNS}, who() as role_code`)(stage);
    },
    mend: putBack,
  },
  {
    name: "policies that hide rows from the owner of the functions",
    check: "row_level_security",
    status: "fail",
    names: "jobs",
    async make({ sql, name }) {
      const owner = `flex_test_owner_${name.slice(-12)}`;
      await sql.unsafe(`create role ${owner} superuser`);
      await sql.unsafe(`alter function sync_crew_call(uuid, boolean, boolean, text) owner to ${owner}`);
      await sql.unsafe(`alter role ${owner} nosuperuser`);
      return undefined;
    },
  },
  {
    name: "role codes without a business role",
    check: "business_roles",
    status: "warn",
    names: "sound R (1 people)",
    async make({ makeCall }) {
      await makeCall({ desired: [as(ana, "SND-FOH-R"), ben] });
      return undefined;
    },
    async mend({ sql }, { mend }) {
      await sql.unsafe((mend ?? "").replace("ID of the role in Flex", ana.resource as string));
      return undefined;
    },
  },
  {
    name: "a lease that a Flex call outlasts",
    check: "lease",
    status: "fail",
    names: "LEASE",
    also: ["flex warn"],
    make: () => ({ FLEX_TIMEOUT_MS: "29500" }),
  },
  {
    name: "readings that are too old as soon as they are there",
    check: "reading_age",
    status: "fail",
    names: "2 s",
    make: set("max_reading_age = '2 s'"),
  },
  {
    name: "one element that takes all there is",
    check: "concurrency",
    status: "warn",
    names: "element_concurrency (9)",
    make: set("element_concurrency = 9"),
  },
  {
    name: "more calls than Flex takes",
    check: "limits",
    status: "warn",
    names: "5000 hourly (Flex: 2000)",
    make: set("hourly_limit = 5000"),
  },
  {
    name: "a limit of no calls",
    check: "limits",
    status: "fail",
    names: "hourly_limit is 0",
    also: ["quota fail", "flex warn"],
    make: set("hourly_limit = 0"),
  },
  {
    name: "a limit of no removals",
    check: "removal_limit",
    status: "warn",
    names: "nobody is ever removed",
    make: set("removal_limit = 0"),
  },
  {
    name: "background readings that use up the budget",
    check: "background_readings",
    status: "warn",
    names: "1440 Flex calls a day",
    async make(stage) {
      const call = await stage.makeCall({ desired: [ana] });
      await stage.sql`select sync_crew_call(${call.id})`;
      await stage.drainOnce();
      return set("resync_interval = '1 min', daily_limit = 2000")(stage);
    },
  },
  {
    name: "a pause that somebody forgot",
    check: "paused",
    status: "warn",
    names: "lunch",
    async make({ sql }) {
      await sql`select flex_sync.pause('lunch')`;
      return undefined;
    },
  },
  {
    name: "work that nobody does",
    check: "drainer",
    status: "fail",
    names: "no drainer works",
    async make({ sql, makeCall }) {
      const call = await makeCall({ desired: [ana] });
      await sql`select sync_crew_call(${call.id})`;
      await sql`update flex_sync.outbox set due_at = now() - interval '5 min', created_at = now() - interval '5 min'`;
      return undefined;
    },
  },
  {
    name: "a budget that is used up",
    check: "quota",
    status: "fail",
    names: "0 this hour",
    also: ["flex warn"],
    async make(stage) {
      const call = await stage.makeCall({ desired: [ana] });
      await set("hourly_limit = 1")(stage);
      await stage.sql`select sync_crew_call(${call.id})`;
      await stage.drainOnce();
      return undefined;
    },
  },
];
