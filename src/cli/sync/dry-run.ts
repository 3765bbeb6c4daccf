import type { Sql } from "postgres";
import { type Cli, writeJson, writeLines } from "../cli.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Requested } from "./request.ts";

/** What a sync would do: the plan in words, or as JSON. The exit code says whether it is in sync as it is. */
export async function reportDryRun(
  cli: Cli,
  sql: Sql,
  requested: Requested[],
  { json = false, allowMassRemoval = false }: { json?: boolean; allowMassRemoval?: boolean },
): Promise<ExitCode> {
  const inSync = requested.every(({ plan }) => plan?.condition === "synced");
  if (json) {
    const crewCalls = requested.map((one) => one.plan ?? noCrewCall(one));
    writeJson(cli, { dry_run: true, in_sync: inSync, crew_calls: crewCalls });
  } else {
    for (const one of requested) {
      const { department, plan } = one;
      if (!plan) {
        cli.stdout.write(`No crew call for ${department}. ${noCrewCall(one).next_action}\n`);
        continue;
      }
      const [row] = await sql<
        { text: string }[]
      >`select flex_sync.explain(${plan.crew_call_id}::uuid, ${allowMassRemoval}) as text`;
      writeLines(cli.stdout, [row?.text ?? ""]);
    }
    if (requested.length === 0) cli.stdout.write("The job has no crew calls and nobody to show on one.\n");
  }
  return inSync ? EXIT.done : EXIT.notInSync;
}

/** A department without a crew call: its row is missing, or somebody mistyped it. */
export function noCrewCall({ department, others }: Extract<Requested, { plan: null }>) {
  const instead = others.length > 0 ? `, or name one that has a crew call: ${others.join(", ")}` : "";
  return {
    crew_call_id: null,
    department,
    condition: "no_crew_call",
    next_action: `Make a flex_crew_calls row for department ${department}${instead}`,
  };
}
