// pg: the request in the same transaction as the change that it is for. Both commit, or neither.
import { syncCrewCall } from "flex-crew-sync";
import pg from "pg";

const [crewCallId = "", technicianId = ""] = process.argv.slice(2);
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
try {
  await client.query("begin");
  await client.query(
    `delete from job_assignments using flex_crew_calls
     where flex_crew_calls.id = $1 and job_assignments.job_id = flex_crew_calls.job_id and technician_id = $2`,
    [crewCallId, technicianId],
  );
  const plan = await syncCrewCall(client, crewCallId, { requestedBy: "office@example.org" });
  await client.query("commit");
  console.log(JSON.stringify(plan));
} catch (error) {
  await client.query("rollback");
  if ((error as { code?: string }).code !== "NOCAL") throw error;
  console.log("there is no such crew call");
} finally {
  await client.end();
}
