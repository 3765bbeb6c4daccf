import { expect, test } from "vitest";
import { AUDITED_TABLES } from "./audited-tables.ts";
import type { HostShape } from "./host.ts";
import { askForHelp, liveThrough } from "./live-through.ts";

/** The database is another's, its schema is closed, and the tables are not the installer's. */
const shape: HostShape = {
  roles: "create role planners nologin; create role installer login createrole password 'host'",
  prepare: `revoke all on schema public from public; grant usage on schema public to installer;
    revoke create on database host from public; alter database host owner to current_user;
    ${AUDITED_TABLES}
    grant all on all tables in schema public to installer;`,
  owner: "installer",
  tables: "",
};

test.each([
  [
    "another role's",
    "grant planners to installer;",
    // Foreign keys are checked as the owner of the tables.
    `grant usage on schema public to planners; ${[
      "jobs",
      "profiles",
      "job_assignments",
      "flex_crew_calls",
      "flex_crew_assignments",
    ]
      .map((table) => `alter table ${table} owner to planners;`)
      .join(" ")}`,
    1,
  ],
  ["a superuser's", "alter table public.jobs owner to installer;", "", 5],
])("tables are %s: an installer is told what an administrator has to run", (_whose, statement, give, times) =>
  liveThrough({
    ...shape,
    prepare: `${shape.prepare} ${give}`,
    async help(host) {
      const told = await askForHelp(host, "NOOWN");
      expect(told.slice(0, 2)).toEqual([
        "grant create on database host to installer;",
        "grant usage, create on schema public to installer;",
      ]);
      expect(told).toContain(statement);
      expect(told).toHaveLength(2 + times);
    },
  }),
);
