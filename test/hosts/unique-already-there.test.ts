import { test } from "vitest";
import { AUDITED_TABLES } from "./audited-tables.ts";
import { liveThrough } from "./live-through.ts";

test.each([
  [
    "a constraint of another name and order",
    "add constraint one_row_each unique (technician_id, crew_call_id)",
  ],
  [
    "the primary key, without an id of its own being one",
    "drop constraint flex_crew_assignments_pkey, add primary key (crew_call_id, technician_id)",
  ],
])("the pair is unique already: %s", (_which, alter) =>
  liveThrough({
    tables: `${AUDITED_TABLES} alter table flex_crew_assignments ${alter};`,
    duplicates: false,
  }),
);
