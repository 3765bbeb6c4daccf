import { expect, test } from "vitest";
import { ana, as, assign, ben, cleo, dan, eva, type Person } from "../crew-call.ts";
import { crewInFlex, type Stage, type StagedCall, setStage } from "../drainer/stage.ts";
import { paste } from "../operation/follow.ts";
import { read } from "./repository.ts";

const PAGE = "docs/desired-crew.md";

/** The SQL blocks of the page, by the heading they stand under. */
function blocks(): Map<string, string[]> {
  const sections = read(PAGE).split(/^## /m).slice(1);
  return new Map(
    sections.map((text) => [
      text.slice(0, text.indexOf("\n")),
      [...text.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block),
    ]),
  );
}

const INTRODUCTION = /^```sql\n([\s\S]*?)^```$/m.exec(read(PAGE))?.[1] ?? "";

type Scene = {
  /** What the host's tables have besides. */
  tables: string;
  staff(stage: Stage, call: StagedCall): Promise<void>;
  /** Who is on the element then. */
  crew: Person[];
};

const nobody = (who: Person): Person => ({ ...who, role: null });

/** Give people what a table says of them. */
const set = ({ sql }: Stage, statement: string) => sql.unsafe(statement);

const SCENES: Record<string, Scene> = {
  "By the person's department, where no role is set": {
    tables: "",
    async staff(stage, call) {
      // Ana has a role here; Ben none anywhere; Cleo none, and is of lights; Dan has one elsewhere; Eva's says nothing.
      await assign(stage.sql, call, [ana, nobody(ben), nobody(cleo), nobody(dan), as(eva, " None ")]);
      await set(stage, "update profiles set department = 'sound'");
      await set(stage, `update profiles set department = 'lights' where id = '${cleo.id}'`);
      await set(
        stage,
        `update job_assignments set lights_role = 'LGT-BRD-R' where technician_id = '${dan.id}'`,
      );
    },
    crew: [ana, ben, eva],
  },
  "Without those who declined": {
    tables: "alter table job_assignments add status text",
    async staff(stage, call) {
      await assign(stage.sql, call, [ana, ben, cleo, nobody(dan)]);
      await set(stage, `update job_assignments set status = 'declined' where technician_id = '${ben.id}'`);
      await set(stage, `update job_assignments set status = 'invited' where technician_id = '${cleo.id}'`);
    },
    crew: [ana, cleo],
  },
  "One crew call for each day": {
    tables: "alter table job_assignments add day date; alter table flex_crew_calls add day date",
    async staff(stage, call) {
      await assign(stage.sql, call, [ana, ben, cleo]);
      await set(stage, "update flex_crew_calls set day = '2026-05-01'");
      await set(stage, `update job_assignments set day = '2026-05-01' where technician_id = '${ana.id}'`);
      await set(stage, `update job_assignments set day = '2026-05-02' where technician_id = '${ben.id}'`);
    },
    crew: [ana, cleo],
  },
  "One crew call for each shift": {
    tables: `create table shifts (id int primary key); insert into shifts values (1), (2);
      create table shift_crew (shift_id int references shifts, technician_id uuid references profiles, role_code text);
      alter table flex_crew_calls add shift_id int references shifts`,
    async staff(stage, call) {
      await assign(stage.sql, call, [dan, nobody(ana), nobody(ben)]);
      await set(stage, "update flex_crew_calls set shift_id = 1");
      await set(
        stage,
        `insert into shift_crew values (1, '${ana.id}', 'SND-FOH-R'), (1, '${ana.id}', 'SND-FOH-R'), (2, '${ben.id}', null)`,
      );
    },
    crew: [ana],
  },
  "From another staffing table": {
    tables: `create table staffing (job_id uuid, profile_id uuid, department text, position text, confirmed_at timestamptz)`,
    async staff(stage, call) {
      await assign(stage.sql, call, [dan, nobody(ana), nobody(ben), nobody(cleo)]);
      for (const [who, department, confirmed] of [
        [ana, "sound", "now()"],
        [ana, "sound", "now()"],
        [ben, "sound", "null"],
        [cleo, "lights", "now()"],
      ] as const)
        await set(
          stage,
          `insert into staffing values ('${call.job}', '${who.id}', '${department}', 'SND-FOH-R', ${confirmed})`,
        );
    },
    crew: [ana],
  },
};

test.each(Object.entries(SCENES))(
  "%s: the view fits, and Flex shows the crew that it names",
  async (heading, scene) => {
    const stage = await setStage();
    const call = await stage.makeCrewCall([]);
    if (scene.tables) await stage.sql.unsafe(scene.tables);
    const [view = "", ...more] = blocks().get(heading) ?? [];
    expect(more).toEqual([]);
    await paste(stage, view);
    await scene.staff(stage, call);
    await paste(stage, INTRODUCTION.replaceAll("CREW_CALL_ID", call.id));
    await stage.syncAndDrain(call, stage.drainer());
    expect(crewInFlex(stage, call)).toEqual(scene.crew.map(({ resource }) => resource).sort());
    expect(Object.keys(await stage.recorded(call)).sort()).toEqual(scene.crew.map(({ id }) => id).sort());
    expect(await stage.conditionOf(call)).toEqual({ condition: "synced", reason: null });
  },
);

test("every view of the page is tried", () => {
  const headings = [...blocks()].filter(([, texts]) => texts.some((text) => text.startsWith("create")));
  expect(headings.map(([heading]) => heading)).toEqual(Object.keys(SCENES));
});

test("a view that does not fit blocks its crew calls, and says so in words", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana]);
  await stage.sql.unsafe("drop view flex_sync.desired_crew cascade");
  await stage.sql.unsafe(`create view flex_sync.desired_crew as
    select id as crew_call_id, null::text as technician, null::text as flex_resource_id from flex_crew_calls`);
  await stage.sync(call);
  const [status] = await paste(stage, blocks().get("When the view does not fit")?.[0] ?? "").then((text) => [
    text,
  ]);
  expect(status).toContain("blocked");
  expect(status).toContain("host_view");
  expect(stage.flex.calls).toEqual([]);
});
