// Kysely: its `sql` tag, on the instance or on a transaction.
import type { CrewCallPlan } from "flex-crew-sync";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";

const [crewCallId = ""] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
try {
  const { rows } = await sql<{ plan: CrewCallPlan }>`
    select sync_crew_call(${crewCallId}::uuid, requested_by => ${"office@example.org"}) as plan`.execute(db);
  console.log(JSON.stringify(rows[0]?.plan));
} catch (error) {
  if ((error as { code?: string }).code !== "NOCAL") throw error;
  console.log("there is no such crew call");
} finally {
  await db.destroy();
}
