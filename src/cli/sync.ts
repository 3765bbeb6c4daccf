import { Command } from "commander";
import type { Sql } from "postgres";
import { ConfigurationError } from "../errors.ts";
import type { Cli } from "./cli.ts";
import { checkCrewCallIds, wholeIds } from "./crew-call-ids.ts";
import { withDatabase } from "./database.ts";
import { EXIT, exitCodeOfSignal } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { checkId } from "./ids.ts";
import { reportDryRun } from "./sync/dry-run.ts";
import { reportSync } from "./sync/report.ts";
import { type Requested, requestCrewCalls, requestJob } from "./sync/request.ts";
import { waitForSyncs } from "./sync/wait.ts";

type SyncFlags = {
  job?: string;
  department?: string[];
  dryRun?: boolean;
  allowMassRemoval?: boolean;
  wait: boolean;
  timeout?: string;
  json?: boolean;
};

/** `flex-crew-sync sync`: request, show progress, wait, report. */
export function syncCommand(cli: Cli): Command {
  const command = new Command("sync")
    .summary("make Flex show the crew of crew calls, and wait for it")
    .description(
      "Asks for a sync of crew calls, waits until a drainer has done it, and reports each with what to do next.",
    )
    .argument("[ID...]", "crew calls: flex_crew_calls.id, or the beginning of it")
    .option("--job <ID>", "every crew call of this job instead")
    .option("--department <D...>", "of the job only these departments, such as sound")
    .option("--dry-run", "say what would be done, and do nothing")
    .option(
      "--allow-mass-removal",
      "let go removals of our own lines that were held for being many, this once",
    )
    .option("--no-wait", "request only")
    .option("--timeout <SECONDS>", "stop waiting after so long (the sync itself goes on)")
    .option("--json", "print one JSON document")
    .action((ids: string[], flags: SyncFlags) => runSync(cli, ids, flags));
  return teach(
    command,
    [
      ["flex-crew-sync sync 3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60 --dry-run", "what would it do?"],
      [
        "flex-crew-sync sync 3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60",
        "do it, and wait; Ctrl-C stops waiting only",
      ],
      ["flex-crew-sync sync 3f0c9d1e 8b1f44d0", "two of them; the beginnings of ids will do"],
      ["flex-crew-sync sync --job 5d2e7a90-1c3b-4f68-a7de-92b04c6f1e35 --department sound lights", "a job's"],
    ],
    ["DATABASE_URL", "LISTEN_DATABASE_URL", "NO_COLOR", "FORCE_COLOR"],
  );
}

async function runSync(cli: Cli, ids: string[], flags: SyncFlags): Promise<void> {
  const timeoutMs = checkUsage(ids, flags);
  const job = flags.job === undefined ? undefined : checkId(flags.job, "job", "jobs.id");
  const crewCallIds = checkCrewCallIds(ids);
  const options = { dryRun: flags.dryRun ?? false, allowMassRemoval: flags.allowMassRemoval ?? false };
  const request = (sql: Sql): Promise<Requested[]> =>
    job === undefined
      ? wholeIds(sql, crewCallIds).then((ids) => requestCrewCalls(sql, ids, options))
      : requestJob(sql, job, departments(flags), options);

  await withDatabase(cli, async (sql) => {
    const signal = flags.dryRun || !flags.wait ? undefined : cli.stopSignal();
    const requested = await request(sql);
    if (flags.dryRun) {
      cli.exitCode = await reportDryRun(cli, sql, requested, flags);
      return;
    }
    if (signal) await waitForSyncs(cli, sql, requested, { signal, timeoutMs });
    cli.exitCode = await reportSync(cli, sql, requested, flags);
    if (signal?.aborted && cli.exitCode !== EXIT.done) cli.exitCode = exitCodeOfSignal(signal.reason);
  });
}

/** @returns how long to wait, milliseconds */
function checkUsage(ids: string[], { job, department, timeout }: SyncFlags): number {
  const wrong = (message: string, hint: string) => new ConfigurationError("USAGE", message, hint);
  if (ids.length === 0 && job === undefined) {
    throw wrong(
      "no crew call is named",
      "Name crew calls, or a job: flex-crew-sync sync ID… or sync --job ID",
    );
  }
  if (ids.length > 0 && job !== undefined) {
    throw wrong(`both --job and the crew call ${ids[0]} are named`, "Name either crew calls or a job.");
  }
  if (department && job === undefined) {
    throw wrong("--department is given without --job", "flex-crew-sync sync --job ID --department sound");
  }
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  const seconds = Number(timeout);
  if (!(seconds > 0)) {
    throw wrong(`--timeout is ${JSON.stringify(timeout)}`, "Pass a positive number of seconds, such as 60.");
  }
  return seconds * 1000;
}

function departments({ department }: SyncFlags): string[] | undefined {
  return department?.flatMap((names) => names.split(",")).map((name) => name.trim());
}
