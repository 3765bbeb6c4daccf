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
    const crewCalls = requested.map(({ department, plan }) => plan ?? noCrewCall(department));
    writeJson(cli, { dry_run: true, in_sync: inSync, crew_calls: crewCalls });
  } else {
    for (const { department, plan } of requested) {
      if (!plan) {
        cli.stdout.write(`No crew call for ${department}: make a flex_crew_calls row for it.\n`);
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

/** A department that has crew but no crew call. */
export function noCrewCall(department: string | null) {
  return {
    crew_call_id: null,
    department,
    condition: "no_crew_call",
    next_action: `Make a flex_crew_calls row for department ${department}`,
  };
}
