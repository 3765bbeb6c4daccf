import { writeFileSync } from "node:fs";
import { DUMP_VERSION, dumpSchema, pgDumpVersion } from "./dump-schema.ts";

// npm run db:schema: write db/schema.sql, which is in git so that a review sees what a migration changes.

const found = pgDumpVersion();
if (found === DUMP_VERSION) {
  writeFileSync("db/schema.sql", await dumpSchema());
  console.log("wrote db/schema.sql");
} else {
  console.log(`skipped db/schema.sql: it needs pg_dump ${DUMP_VERSION}, found ${found ?? "none"}`);
}
