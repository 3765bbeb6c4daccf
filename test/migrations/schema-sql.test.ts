import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { DUMP_VERSION, dumpSchema, pgDumpVersion } from "../../db/scripts/dump-schema.ts";

const FILE = fileURLToPath(new URL("../../db/schema.sql", import.meta.url));

// npm run test:postgres -- 15, on a machine with pg_dump 15: other versions write the same schema differently.
const comparable =
  existsSync(FILE) && inject("postgres").version === DUMP_VERSION && pgDumpVersion() === DUMP_VERSION;

test.skipIf(!comparable)(
  "db/schema.sql is what the migrations make (needs Postgres and pg_dump 15)",
  async () => {
    expect(await dumpSchema()).toBe(readFileSync(FILE, "utf8"));
  },
);
