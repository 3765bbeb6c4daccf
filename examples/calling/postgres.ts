// postgres: the app's own instance, or the `sql` of a transaction.
import { syncCrewCall } from "flex-crew-sync";
import postgres from "postgres";

const [crewCallId = ""] = process.argv.slice(2);
const sql = postgres(process.env.DATABASE_URL ?? "");
try {
  const plan = await syncCrewCall(sql, crewCallId, { requestedBy: "office@example.org" });
  console.log(JSON.stringify(plan));
} catch (error) {
  if ((error as { code?: string }).code !== "NOCAL") throw error;
  console.log("there is no such crew call");
} finally {
  await sql.end();
}
