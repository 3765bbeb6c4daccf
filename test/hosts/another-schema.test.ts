import { test } from "vitest";
import { AUDITED_TABLES } from "./audited-tables.ts";
import { liveThrough } from "./live-through.ts";

/** The same names in public are somebody else's, and unlike the host's. */
const DECOYS = `
  create table public.jobs (id int primary key, salary int);
  create table public.profiles (id int primary key, cv text);
  create table public.flex_crew_assignments (line text);
  insert into public.jobs values (1, 2); insert into public.flex_crew_assignments values ('a'), ('a');`;

test("tables in another schema than public, with others of the same names in public", () =>
  liveThrough({
    hostSchema: "crew_planning",
    tables: `${DECOYS} create schema crew_planning; set search_path = crew_planning; ${AUDITED_TABLES} reset search_path;`,
  }));
