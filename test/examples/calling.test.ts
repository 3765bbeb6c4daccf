import { expect } from "vitest";
import type { CrewCallPlan } from "../../src/rows.ts";
import { setStage } from "../cli/stage.ts";
import { ana, ben } from "../crew-call.ts";
import { needs, needsPackages } from "../needs.ts";
import { fetchLocked } from "../package/fetch-packages.ts";
import {
  asksByName,
  beside,
  checkTypes,
  NOBODY_THERE,
  outputOf,
  runExample,
  UNKNOWN,
} from "./calling-stage.ts";
import { startProgram } from "./run-program.ts";

const modules = await fetchLocked("examples/calling");
const withPackages = needsPackages({ "the packages of examples/calling": modules });
const installed = beside("examples/calling", modules);

for (const file of ["pg.ts", "postgres.ts", "drizzle.ts", "kysely.ts"]) {
  withPackages(`${file} asks for a sync, and knows the code of an unknown crew call`, () =>
    asksByName((id, url) => runExample(installed(), file, [id, UNKNOWN], { DATABASE_URL: url })),
  );
}

withPackages("pg.ts commits the request with the change that it is for, or neither", async () => {
  const { sql, url, makeCall } = await setStage();
  const call = await makeCall({ desired: [ana, ben] });
  const ask = () => runExample(installed(), "pg.ts", [call.id, ben.id], { DATABASE_URL: url });
  const plan = JSON.parse(await ask()) as CrewCallPlan;
  expect(plan.to_add.map(({ technician_id }) => technician_id)).toEqual([ana.id]);
  const crew = () => sql`select technician_id from job_assignments`;
  expect(await crew()).toEqual([{ technician_id: ana.id }]);
  await sql`create or replace function flex_sync.may_sync(crew_call_id uuid) returns boolean language sql as 'select false'`;
  await expect(runExample(installed(), "pg.ts", [call.id, ana.id], { DATABASE_URL: url })).rejects.toThrow(
    "NOTAL",
  );
  expect(await crew()).toEqual([{ technician_id: ana.id }]);
});

withPackages("the examples fit the types of the packages", () => checkTypes(installed()));

needs("psql")("sync.sql asks for a sync with psql, which tells of an unknown crew call", () =>
  asksByName(async (id, url) => {
    const args = ["-X", "-A", "-t", "-v", `crew_call_id=${id}`, "-f", "sync.sql", url];
    const { folder } = installed();
    const psql = startProgram(
      "psql",
      args,
      { PATH: process.env.PATH, HOME: process.env.HOME },
      { cwd: folder },
    );
    if (id !== UNKNOWN) return outputOf(psql.ended);
    await psql.says(/ERROR: {2}no crew call has the id .*\n.*HINT/);
    return NOBODY_THERE;
  }),
);
