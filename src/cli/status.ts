import { Command } from "commander";
import { ConfigurationError } from "../errors.ts";
import { type Cli, writeJson, writeLines } from "./cli.ts";
import { checkCrewCallIds, wholeIds } from "./crew-call-ids.ts";
import { withDatabase } from "./database.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { readStatus, type Status, viewStatus } from "./status/of-all.ts";
import { type OneStatus, readCrewCallStatus, viewCrewCallStatus } from "./status/of-crew-call.ts";
import { type View, wholeView } from "./status/view.ts";
import { watch } from "./status/watch.ts";

type StatusFlags = { watch?: boolean; json?: boolean };

/** No terminal has more lines. */
const MOST_WATCHED = 500;

/** `flex-crew-sync status`: conditions, and what to do next. */
export function statusCommand(cli: Cli): Command {
  const command = new Command("status")
    .summary("show what is in sync, and what to do about the rest")
    .description(
      "Every crew call with its condition, the most urgent first, and what to do next; or one, person by person.\n" +
        "Exits 1 when something is not in sync.",
    )
    .argument("[ID]", "one crew call: flex_crew_calls.id, or the beginning of it")
    .option("--watch", "keep showing it until Ctrl-C")
    .option("--json", "print one JSON document")
    .action((id: string | undefined, flags: StatusFlags) => runStatus(cli, id, flags));
  return teach(
    command,
    [
      ["flex-crew-sync status", "every crew call, and what to do about those that are not in sync"],
      ["flex-crew-sync status 3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60", "why is somebody missing there?"],
      ["flex-crew-sync status 3f0c9d1e --watch", "the same, live; the beginning of an id will do"],
      [
        "flex-crew-sync status --json | jq '.crew_calls[] | select(.condition == \"failed\")'",
        "for programs",
      ],
    ],
    ["DATABASE_URL", "NO_COLOR", "FORCE_COLOR"],
  );
}

async function runStatus(cli: Cli, given: string | undefined, { watch: again, json }: StatusFlags) {
  if (again && json) {
    throw new ConfigurationError(
      "USAGE",
      "--watch and --json are given",
      "Choose one: --json prints one document.",
    );
  }
  const named = given === undefined ? [] : checkCrewCallIds([given]);
  await withDatabase(cli, async (sql) => {
    const [id] = await wholeIds(sql, named);
    if (id === undefined) {
      const view = (seen: Status, now: Date) => viewStatus(cli, seen, now);
      const most = cli.stdout.isTTY === true ? MOST_WATCHED : undefined;
      if (again) await watch(cli, { look: () => readStatus(sql, most), view, key: keyOfAll });
      else show(cli, await readStatus(sql), view, json);
    } else {
      const view = (seen: OneStatus, now: Date) => viewCrewCallStatus(cli, seen, now);
      if (again) await watch(cli, { look: () => readCrewCallStatus(sql, id), view, key: keyOfOne });
      else show(cli, await readCrewCallStatus(sql, id), view, json);
    }
  });
}

function show<Seen extends { at: string; in_sync: boolean }>(
  cli: Cli,
  seen: Seen,
  view: (seen: Seen, now: Date) => View,
  json = false,
): void {
  if (json) writeJson(cli, seen);
  else writeLines(cli.stdout, wholeView(view(seen, new Date(seen.at))));
  cli.exitCode = seen.in_sync ? EXIT.done : EXIT.notInSync;
}

const keyOfAll = ({ crew_calls }: Status) => JSON.stringify(crew_calls);
const keyOfOne = ({ crew_call, persons }: OneStatus) => JSON.stringify([crew_call, persons]);
