import { ana, eva, person, unassign } from "../crew-call.ts";
import {
  drainToTheEnd,
  drainUntilRest,
  moveToNextWork,
  type Stage,
  type StagedCall,
} from "../drainer/stage.ts";
import { moveClock } from "../functions/move-clock.ts";
import { everybody, type Situation } from "./situation.ts";

const strangers = (number: number) => (stage: Stage, call: StagedCall) => {
  for (let n = 1; n <= number; n += 1) stage.flex.humanAdds(call.element, person(20 + n).resource ?? "");
};

const CREW = Array.from({ length: 12 }, (_, n) => person(40 + n));

/** What people and Flex do, so that somebody has to look, or wait. */
export const TROUBLES: Situation[] = [
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
