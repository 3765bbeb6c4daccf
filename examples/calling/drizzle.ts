// Drizzle: plain SQL through `execute`, here in a transaction. The database's error is the cause of Drizzle's own.
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { CrewCallPlan } from "flex-crew-sync";
import pg from "pg";

const [crewCallId = ""] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = drizzle(pool);
try {
  const plan = await db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ plan: CrewCallPlan }>(
      sql`select sync_crew_call(${crewCallId}::uuid, requested_by => ${"office@example.org"}) as plan`,
    );
    return rows[0]?.plan;
  });
  console.log(JSON.stringify(plan));
} catch (error) {
  if ((error as { cause?: { code?: string } }).cause?.code !== "NOCAL") throw error;
  console.log("there is no such crew call");
} finally {
  await pool.end();
}
