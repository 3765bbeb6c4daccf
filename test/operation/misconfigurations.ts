import { ana, ben, eva, knowPeople, type Person, person, unassign } from "../crew-call.ts";
import {
  drainToTheEnd,
  drainUntilRest,
  moveToNextWork,
  type Stage,
  type StagedCall,
  type Stepper,
} from "../drainer/stage.ts";
import { moveClock } from "../functions/move-clock.ts";

/** Something that somebody set, or did, so that a crew call cannot be in sync. */
export type Misconfiguration = {
  name: string;
  desired?: Person[];
  /** Makes it; the test asks for a sync afterwards, unless `unasked`. */
  make: (stage: Stage, call: StagedCall, drainer: Stepper) => unknown;
  unasked?: boolean;
  crewCall: string;
  people: Record<string, string>;
  /** What the "once …" of the next action asks of a person, outside of psql. */
  mend?: (stage: Stage, call: StagedCall) => unknown;
  /** Who is on the element in the end, where that is not the desired crew. */
  inFlex?: Person[];
};

const everybody = (says: string) => ({ [ana.id]: says, [ben.id]: says });
const pointAt = (element: string | null) => (stage: Stage, call: StagedCall) =>
  stage.sql`update flex_crew_calls set flex_element_id = ${element} where id = ${call.id}`;
const pointRight = (stage: Stage, call: StagedCall) => pointAt(call.element)(stage, call);
const strangers = (number: number) => (stage: Stage, call: StagedCall) => {
  for (let n = 1; n <= number; n += 1) stage.flex.humanAdds(call.element, person(20 + n).resource ?? "");
};

const contactOf = (body: string) =>
  `create or replace function public.contact_of(contact text) returns text language plpgsql as 'begin ${body}; end'`;
/** The view asks a function of the host's, and that raises. */
const BROKEN_VIEW = `${contactOf("raise exception ''the address book is closed''")};
  do $$ begin
    execute 'create or replace view flex_sync.desired_crew as select crew_call_id, technician_id, public.contact_of(flex_resource_id) as flex_resource_id, role_code
      from (' || rtrim(pg_get_viewdef('flex_sync.desired_crew'), '; ') || ') as before';
  end $$`;

const CREW = Array.from({ length: 12 }, (_, n) => person(40 + n));

export const MISCONFIGURATIONS: Misconfiguration[] = [
  {
    name: "somebody paused everything",
    make: ({ sql }) => sql`select flex_sync.pause('lunch')`,
    crewCall: "paused paused",
    people: everybody("paused paused"),
  },
  {
    name: "the crew call has no element",
    make: pointAt(null),
    mend: pointRight,
    crewCall: "blocked no_element",
    people: everybody("blocked no_element"),
  },
  {
    name: "the element id is no id",
    make: pointAt("CC-12"),
    mend: pointRight,
    crewCall: "blocked malformed_id",
    people: everybody("blocked malformed_id"),
  },
  {
    name: "the crew call is deleted in Flex",
    make: async (stage, call, drainer) => {
      await stage.syncAndDrain(call, drainer);
      stage.flex.deleteElement(call.element);
    },
    mend: ({ flex }, call) => flex.restoreElement(call.element),
    crewCall: "blocked element_gone",
    people: everybody("blocked element_gone"),
  },
  {
    name: "the token's user may not see the crew call",
    make: ({ flex }, call) => flex.setAccessible(call.element, false),
    mend: ({ flex }, call) => flex.setAccessible(call.element, true),
    crewCall: "blocked access_denied",
    people: everybody("blocked access_denied"),
  },
  {
    name: "the token is refused",
    make: ({ flex }) => flex.revokeToken(),
    mend: ({ flex }) => flex.restoreToken(),
    crewCall: "blocked token_refused",
    people: everybody("blocked token_refused"),
  },
  {
    name: "the host's table refuses a row",
    make: ({ sql }) =>
      sql.unsafe(
        `alter table flex_crew_assignments add constraint "nobody like Ana" check (technician_id <> '${ana.id}')`,
      ),
    mend: ({ sql }) => sql`alter table flex_crew_assignments drop constraint "nobody like Ana"`,
    crewCall: "blocked host_table",
    people: everybody("blocked host_table"),
  },
  {
    name: "somebody has no contact id",
    desired: [ana, { ...eva, resource: null }],
    make: () => {},
    mend: ({ sql }) => knowPeople(sql, [eva]),
    inFlex: [ana, eva],
    crewCall: "unmapped no_resource",
    people: { [eva.id]: "unmapped no_resource" },
  },
  {
    name: "somebody's contact id is no id",
    desired: [ana, { ...eva, resource: "Eva" }],
    make: () => {},
    mend: ({ sql }) => knowPeople(sql, [eva]),
    inFlex: [ana, eva],
    crewCall: "unmapped malformed_id",
    people: { [eva.id]: "unmapped malformed_id" },
  },
  {
    name: "nobody ever asked",
    make: () => {},
    unasked: true,
    crewCall: "never_synced never_synced",
    people: everybody("never_synced never_synced"),
  },
  {
    name: "the crew changed and nobody asked",
    unasked: true,
    make: async (stage, call, drainer) => {
      await stage.sql`update job_assignments set sound_role = null where technician_id = ${ben.id}`;
      await stage.syncAndDrain(call, drainer);
      await stage.sql`update job_assignments set sound_role = 'FOH' where technician_id = ${ben.id}`;
    },
    crewCall: "pending not_requested",
    people: { [ben.id]: "pending not_requested" },
  },
  {
    name: "the policy writes nothing",
    make: ({ sql }, call) => sql`select flex_sync.set_policy(${call.id}, 'report')`,
    crewCall: "pending report_only",
    people: everybody("pending report_only"),
  },
  {
    name: "no drainer runs",
    unasked: true,
    make: (stage, call) => stage.sync(call),
    crewCall: "pending requested",
    people: everybody("pending requested"),
  },
  {
    name: "the quota is used up",
    make: ({ sql }) => sql`update flex_sync.settings set hourly_limit = 1`,
    mend: ({ sql }) => sql`update flex_sync.settings set hourly_limit = 10`,
    crewCall: "pending quota",
    people: everybody("pending quota"),
  },
  {
    name: "the quota is 0",
    make: ({ sql }) => sql`update flex_sync.settings set monthly_limit = 0`,
    crewCall: "pending quota",
    people: everybody("pending quota"),
  },
  {
    name: "the crew call is locked in Flex",
    make: ({ flex }, call) => flex.lockElement(call.element, true),
    mend: ({ flex }, call) => flex.lockElement(call.element, false),
    crewCall: "pending locked",
    people: everybody("pending locked"),
  },
  {
    name: "many foreign lines",
    make: strangers(4),
    crewCall: "held many_foreign",
    people: { line: "held many_foreign" },
  },
  {
    name: "more removals than removal_limit",
    make: async ({ sql, flex }, call) => {
      await sql`update flex_sync.settings set removal_limit = 1`;
      for (const n of [21, 22]) flex.humanAdds(call.element, person(n).resource ?? "");
    },
    crewCall: "held removal_limit",
    people: { line: "held removal_limit" },
  },
  {
    name: "somebody has a second line",
    make: async (stage, call, drainer) => {
      await stage.syncAndDrain(call, drainer);
      stage.flex.humanAdds(call.element, ana.resource ?? "");
    },
    crewCall: "held surplus_not_ours",
    people: { [ana.id]: "held surplus_not_ours" },
  },
  {
    name: "nobody is desired any more",
    make: async (stage, call, drainer) => {
      await stage.sql`insert into profiles (id, flex_resource_id) values (${eva.id}, ${eva.resource})`;
      await stage.sql`insert into job_assignments (job_id, technician_id, sound_role) values (${call.job}, ${eva.id}, 'FOH')`;
      await stage.syncAndDrain(call, drainer);
      await stage.sql`delete from job_assignments`;
    },
    inFlex: [],
    crewCall: "held empties_the_call",
    people: { ...everybody("held empties_the_call"), [eva.id]: "held empties_the_call" },
  },
  {
    name: "somebody keeps deleting a line",
    make: async (stage, call, drainer) => {
      for (let times = 0; times < 3; times += 1) {
        await stage.syncAndDrain(call, drainer);
        const [line] = stage.flex
          .contactLinesOf(call.element)
          .filter(({ resourceId }) => resourceId === ana.resource);
        if (line) stage.flex.humanDeletes(line.id);
        await stage.sync(call);
        await drainUntilRest(drainer);
        await moveClock(stage.sql, "3 s");
        await drainUntilRest(drainer);
      }
    },
    unasked: true,
    crewCall: "failed contested",
    people: { [ana.id]: "failed contested" },
  },
  {
    name: "desired_crew cannot be read",
    make: ({ sql }) => sql.unsafe(BROKEN_VIEW),
    mend: ({ sql }) => sql.unsafe(contactOf("return contact")),
    crewCall: "blocked host_view",
    people: {},
  },
  {
    name: "Flex is down",
    make: async (stage, call, drainer) => {
      const other = await stage.makeCrewCall([]);
      stage.flex.fault({ route: "any", forever: true, do: { kind: "gateway", status: 503 } });
      for (const each of [other, call]) await stage.sync(each);
      for (let times = 0; times < 3; times += 1) {
        await drainUntilRest(drainer);
        await moveToNextWork(stage);
      }
    },
    mend: ({ flex }) => flex.clearFaults(),
    crewCall: "pending flex_down",
    people: everybody("pending flex_down"),
  },
  {
    name: "most of the crew was taken off by mistake, or not",
    desired: CREW,
    make: async (stage, call, drainer) => {
      await stage.syncAndDrain(call, drainer);
      await unassign(stage.sql, call, CREW.slice(0, 7));
    },
    inFlex: CREW.slice(7),
    crewCall: "held large_share",
    people: Object.fromEntries(CREW.slice(0, 7).map(({ id }) => [id, "held large_share"])),
  },
  {
    name: "Flex takes an add three times and never does it",
    make: async (stage, call, drainer) => {
      stage.flex.fault({
        route: "add",
        resource: ana.resource ?? "",
        times: 3,
        do: { kind: "gateway", when: "before", status: 504 },
      });
      await stage.sync(call);
      await drainToTheEnd(stage, drainer);
    },
    unasked: true,
    crewCall: "failed not_accepted",
    people: { [ana.id]: "failed not_accepted" },
  },
  {
    name: "an add did not land, and was sent again",
    make: async (stage, call, drainer) => {
      stage.flex.fault({
        route: "add",
        resource: ana.resource ?? "",
        do: { kind: "gateway", when: "before", status: 504 },
      });
      await stage.sync(call);
      while ((await stage.conditionOf(call)).reason !== "late_check") {
        await drainUntilRest(drainer);
        if ((await stage.conditionOf(call)).reason !== "late_check" && !(await moveToNextWork(stage))) break;
      }
    },
    unasked: true,
    crewCall: "unknown late_check",
    people: { [ana.id]: "unknown late_check" },
  },
];
