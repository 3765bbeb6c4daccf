import { inHostSchema } from "../../src/migrations/committed-migrations.ts";
import { withClient } from "../../src/migrations/database-client.ts";
import { compileCurrent } from "./compile-current.ts";

/** Apply the migration being written to a database that has the committed ones. */
export async function applyCurrent(connectionString: string, hostSchema = "public"): Promise<void> {
  const sql = inHostSchema(compileCurrent(), hostSchema);
  if (!sql) return;
  await withClient({ connectionString }, (client) => client.query(sql)).catch((error: unknown) => {
    throw new Error(`current.sql: ${describe(error, sql)}`, { cause: error });
  });
}

/** The error with the lines around the place that Postgres names. */
function describe(error: unknown, sql: string): string {
  const { message, position, where, hint } = error as Record<string, string | undefined>;
  const before = position ? sql.slice(0, Number(position)).split("\n") : [];
  const around = position ? sql.split("\n").slice(Math.max(0, before.length - 4), before.length + 3) : [];
  return [message, hint, where, ...around].filter((line) => line !== undefined).join("\n");
}
