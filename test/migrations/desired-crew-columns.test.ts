import { expect, test } from "vitest";
import { migrate } from "../../src/migrate.ts";
import { cli } from "../cli/command-line.ts";
import { createDatabase } from "../postgres/database.ts";

const FITS =
  "null::uuid as crew_call_id, null::uuid as technician_id, null::text as flex_resource_id, null::text as role_code";

test.each([
  [
    "another type",
    FITS.replace("null::text as flex", "null::uuid as flex"),
    "column 3 is flex_resource_id uuid and has to be flex_resource_id text",
  ],
  [
    "another name",
    FITS.replace("role_code", '"Role"'),
    'column 4 is "Role" text and has to be role_code text',
  ],
  [
    "a length",
    FITS.replace("null::text as role", "null::varchar(9) as role"),
    "column 4 is role_code character varying(9)",
  ],
  ["a column too few", FITS.replace(/, null::text as role_code/, ""), "role_code text is missing"],
  [
    "another order",
    FITS.replace(/^(.*?), (.*?), /, "$2, $1, "),
    "column 1 is technician_id uuid and has to be crew_call_id uuid; column 2 is crew_call_id uuid and has to be technician_id uuid",
  ],
])("migrate and doctor say what is wrong with a view that has %s", async (_what, columns, says) => {
  const { sql, url } = await createDatabase();
  await sql.unsafe(
    `drop view flex_sync.desired_crew; create view flex_sync.desired_crew as select ${columns}`,
  );
  const { warnings } = await migrate({ connectionString: url });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(says);

  const migrated = await cli(["migrate"], { DATABASE_URL: url });
  expect(migrated.code).toBe(0);
  expect(migrated.stderr).toContain(`warning: ${warnings[0]}`);

  const doctor = JSON.parse((await cli(["doctor", "--json"], { DATABASE_URL: url })).stdout);
  const check = doctor.checks.find(({ name }: { name: string }) => name === "desired_crew");
  expect(check.status).toBe("fail");
  expect(check.message).toContain(says);
});

test("a view that fits is nothing to tell of, with more columns behind the four too", async () => {
  const { sql, url } = await createDatabase();
  expect((await migrate({ connectionString: url })).warnings).toEqual([]);
  await sql.unsafe(
    `drop view flex_sync.desired_crew; create view flex_sync.desired_crew as select ${FITS}, 1 as more`,
  );
  expect((await migrate({ connectionString: url })).warnings).toEqual([]);
});

test("a view that is gone is told", async () => {
  const { sql, url } = await createDatabase();
  await sql`drop view flex_sync.desired_crew`;
  expect((await migrate({ connectionString: url })).warnings).toEqual([
    expect.stringContaining("desired_crew is missing"),
  ]);
});
