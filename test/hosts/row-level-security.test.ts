import { test } from "vitest";
import { AUDITED_TABLES } from "./audited-tables.ts";
import { liveThrough } from "./live-through.ts";

/** Policies that show each session its own tenant's rows, and nobody else any. */
const POLICIES = ["jobs", "profiles", "job_assignments", "flex_crew_calls", "flex_crew_assignments"]
  .map(
    (table) => `
    alter table ${table} enable row level security;
    create policy "own tenant" on ${table} to app using (current_setting('app.tenant', true) = 'one') with check (true);
    create policy "nobody deletes" on ${table} as restrictive for delete to public using (false);
    grant select, insert, update, delete on ${table} to app;`,
  )
  .join("");

test("row level security on every table, and an owner who may not pass by policies", () =>
  liveThrough({
    roles: "create role app nologin; create role owner login createrole password 'host'",
    owner: "owner",
    tables: AUDITED_TABLES + POLICIES,
  }));
