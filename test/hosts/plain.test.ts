import { test } from "vitest";
import { AUDITED_TABLES } from "./audited-tables.ts";
import { liveThrough } from "./live-through.ts";

test("the audited tables, and a superuser who owns everything", () =>
  liveThrough({ tables: AUDITED_TABLES }));
