import { createHumanEdits } from "../../../src/simulator/human-edits.ts";
import { seededRandom } from "../../../test/model/random.ts";
import { check } from "../../harness/part.ts";
import { type Crew, type Deed, ROLES, TECHNICIANS } from "./company.ts";
import type { Life } from "./live.ts";

const id = (family: string, number: number) => `${family}-0000-4000-8000-${String(number).padStart(12, "0")}`;
const crewCallOf = (number: number) => id("51000000", number);
const elementOf = (number: number) => id("61000000", number);
const resourceOf = (technician: number) => id("31000000", technician);
/** The last letter of a role code is its tier. */
const flexRoleOf = (role: string) => id("41000000", role.charCodeAt(role.length - 1));

/** The company: what it does, what it wants, and whether Flex shows that. */
export type Company = {
  act(deed: Deed): Promise<void>;
  /** Hours until a line that somebody deleted in Flex was there again. */
  healedAfter: number[];
  /** Throws unless Flex shows exactly who is wanted, once, with their role. @returns how many people that are */
  checkFlex(): number;
};

export async function foundCompany(life: Life): Promise<Company> {
  const { run, flex } = life;
  const random = seededRandom(7);
  const wanted = new Map<number, Crew>();
  const deletedAt = new Map<string, number>();
  const healedAfter: number[] = [];
  const hands = createHumanEdits(flex.world);
  flex.onAdd = (element, resource) => {
    const at = deletedAt.get(`${element} ${resource}`);
    if (at === undefined) return;
    healedAfter.push((life.now() - at) / 3_600_000);
    deletedAt.delete(`${element} ${resource}`);
  };
  await run`insert into profiles (id, flex_resource_id)
    select ('21000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, '31000000-0000-4000-8000-' || lpad(n::text, 12, '0')
    from generate_series(1, ${TECHNICIANS}::int) n`;
  for (const role of ROLES)
    await run`insert into flex_sync.business_roles values ('sound', ${role.slice(-1)}, ${flexRoleOf(role)})`;

  const assign = (crewCall: number, technicians: number[], crew: Crew) => run`
    insert into job_assignments (job_id, technician_id, sound_role)
    select ${id("11000000", crewCall)}::uuid, person.id::uuid, person.role
    from unnest(${technicians.map((technician) => id("21000000", technician))}::text[], ${technicians.map((technician) => crew.get(technician) ?? "")}::text[])
      as person (id, role)
    on conflict (job_id, technician_id) do update set sound_role = excluded.sound_role`;
  const sync = (crewCall: number) =>
    run`select sync_crew_call(${crewCallOf(crewCall)}::uuid, requested_by => 'the company')`;

  async function change(crewCall: number, crew: Crew, leave: number, come: number): Promise<void> {
    const leaving = [...crew.keys()]
      .filter(() => random.below(crew.size) < leave)
      .slice(0, Math.min(leave, crew.size - 3));
    for (const technician of leaving) crew.delete(technician);
    await run`delete from job_assignments where job_id = ${id("11000000", crewCall)}::uuid
      and technician_id = any (${leaving.map((technician) => id("21000000", technician))}::uuid[])`;
    const coming = Array.from({ length: come }, () => 1 + random.below(TECHNICIANS)).filter(
      (one) => !leaving.includes(one),
    );
    const changed = new Set([...coming, random.pick([...crew.keys()])]);
    for (const technician of changed) crew.set(technician, random.pick(ROLES));
    await assign(crewCall, [...changed], crew);
    await sync(crewCall);
  }

  return {
    healedAfter,
    async act(deed) {
      const { crewCall } = deed;
      const crew = wanted.get(crewCall);
      if (deed.does === "plans") {
        wanted.set(crewCall, deed.crew);
        flex.world.addElement(elementOf(crewCall));
        await run`insert into jobs (id) values (${id("11000000", crewCall)}::uuid)`;
        await run`insert into flex_crew_calls (id, job_id, department, flex_element_id)
          values (${crewCallOf(crewCall)}::uuid, ${id("11000000", crewCall)}::uuid, 'sound', ${elementOf(crewCall)})`;
        await assign(crewCall, [...deed.crew.keys()], deed.crew);
        await sync(crewCall);
      } else if (crew && deed.does === "changes") await change(crewCall, crew, deed.leave, deed.come);
      else {
        const [line] = flex.world.contactLinesOf(elementOf(crewCall));
        if (!line) return;
        hands.humanDeletes(line.id);
        deletedAt.set(`${elementOf(crewCall)} ${line.resourceId}`, life.now());
      }
    },
    checkFlex() {
      let people = 0;
      for (const [crewCall, crew] of wanted) {
        const shown = flex.world
          .contactLinesOf(elementOf(crewCall))
          .map(({ resourceId, roleId }) => `${resourceId} ${roleId}`);
        const right = [...crew].map(([technician, role]) => `${resourceOf(technician)} ${flexRoleOf(role)}`);
        check(
          shown.sort().join() === right.sort().join(),
          `crew call ${crewCall}: Flex shows ${shown.length} people, wanted are ${right.length}`,
        );
        people += right.length;
      }
      return people;
    },
  };
}
