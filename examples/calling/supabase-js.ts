// supabase-js: `rpc` finds the function in `public`. With the service role's key on a server; for signed-in users, grant first:
//   grant execute on function sync_crew_call(uuid, boolean, boolean, text) to authenticated;
// and let flex_sync.may_sync decide which of them may.
import { createClient } from "@supabase/supabase-js";
import type { CrewCallPlan } from "flex-crew-sync";

const [crewCallId = ""] = process.argv.slice(2);
const supabase = createClient(process.env.SUPABASE_URL ?? "", process.env.SUPABASE_KEY ?? "");
const { data, error } = await supabase.rpc("sync_crew_call", {
  crew_call_id: crewCallId,
  requested_by: "office@example.org",
});
if (error?.code === "NOCAL") console.log("there is no such crew call");
else if (error) throw error;
else console.log(JSON.stringify(data as CrewCallPlan));
