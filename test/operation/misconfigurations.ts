import { ana, ben, eva, knowPeople } from "../crew-call.ts";
import type { Stage, StagedCall } from "../drainer/stage.ts";
import { everybody, type Situation } from "./situation.ts";

const pointAt = (element: string | null) => (stage: Stage, call: StagedCall) =>
  stage.sql`update flex_crew_calls set flex_element_id = ${element} where id = ${call.id}`;
const pointRight = (stage: Stage, call: StagedCall) => pointAt(call.element)(stage, call);

const contactOf = (body: string) =>
  `create or replace function public.contact_of(contact text) returns text language plpgsql as 'begin ${body}; end'`;
/** The view asks a function of the host's, and that raises. */
const BROKEN_VIEW = `${contactOf("raise exception ''the address book is closed''")};
  do $$ begin
    execute 'create or replace view flex_sync.desired_crew as select crew_call_id, technician_id, public.contact_of(flex_resource_id) as flex_resource_id, role_code
      from (' || rtrim(pg_get_viewdef('flex_sync.desired_crew'), '; ') || ') as before';
  end $$`;

/** Something that somebody set so that a crew call cannot be in sync. */
export const MISCONFIGURATIONS: Situation[] = [
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
    name: "desired_crew cannot be read",
    make: ({ sql }) => sql.unsafe(BROKEN_VIEW),
    mend: ({ sql }) => sql.unsafe(contactOf("return contact")),
    crewCall: "blocked host_view",
    people: {},
  },
];
