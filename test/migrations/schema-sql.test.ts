import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { DUMP_VERSION, dumpSchema, pgDumpVersion } from "../../db/scripts/dump-schema.ts";

const FILE = fileURLToPath(new URL("../../db/schema.sql", import.meta.url));

// Only Postgres 15 and its pg_dump write this file's form. Outside of CI a run on another version does not fetch them.
const onFifteen = inject("postgres").version === DUMP_VERSION || process.env.CI === "true";
const comparable = existsSync(FILE) && onFifteen && pgDumpVersion() === DUMP_VERSION;

test.skipIf(!comparable)(
  "db/schema.sql is what the migrations make (needs Postgres and pg_dump 15)",
  async () => {
    expect(await dumpSchema()).toBe(readFileSync(FILE, "utf8"));
  },
);
