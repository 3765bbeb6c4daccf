import { Command } from "commander";
import { type Cli, writeJson, writeLines } from "./cli.ts";
import { checkCrewCallIds, wholeIds } from "./crew-call-ids.ts";
import { withDatabase } from "./database.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { readHistory } from "./history/read-history.ts";
import { showHistory } from "./history/show-history.ts";

type HistoryFlags = { since?: string; json?: boolean };

/** `flex-crew-sync history`: what happened to Ana on Friday. */
export function historyCommand(cli: Cli): Command {
  const command = new Command("history")
    .summary("tell what happened on a crew call, or to one person there")
    .description(
      "Every request, decision, Flex call, reading and operator's action of one crew call in the order of time, in this machine's time zone; for as long as settings.retention says.",
    )
    .argument("<ID>", "the crew call: flex_crew_calls.id, or the beginning of it")
    .argument(
      "[PERSON]",
      "only this person: their technician id, or the beginning of it; or their name, or a word of it",
    )
    .option("--since <TIME>", "nothing before: 2h, 3 days, yesterday, 2026-11-20, 2026-11-20 18:00")
    .option("--json", "print one JSON document")
    .action((id: string, person: string | undefined, flags: HistoryFlags) =>
      runHistory(cli, id, person, flags),
    );
  return teach(
    command,
    [
      ["flex-crew-sync history 3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60", "all that is known"],
      ["flex-crew-sync history 3f0c9d1e 7be31c04 --since '3 days'", "one person; beginnings of ids will do"],
      ["flex-crew-sync history 3f0c9d1e ana", "a name, or a word of it, too"],
      ["flex-crew-sync history 3f0c9d1e --since yesterday --json", "for programs"],
    ],
    ["DATABASE_URL", "NO_COLOR", "FORCE_COLOR"],
  );
}

async function runHistory(
  cli: Cli,
  given: string,
  person: string | undefined,
  flags: HistoryFlags,
): Promise<void> {
  const named = checkCrewCallIds([given]);
  const whom = person?.trim();
  await withDatabase(cli, async (sql) => {
    const [id = ""] = await wholeIds(sql, named);
    const history = await readHistory(sql, { id, person: whom, since: flags.since });
    if (flags.json) writeJson(cli, history);
    else writeLines(cli.stdout, showHistory(cli, history));
    cli.exitCode = EXIT.done;
  });
}
