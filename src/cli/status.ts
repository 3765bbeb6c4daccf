import { Command } from "commander";
import type { Sql } from "postgres";
import { messageOf } from "../drainer/database-error.ts";
import { createWakeUp } from "../drainer/wake-up.ts";
import { ConfigurationError } from "../errors.ts";
import { type Cli, writeJson, writeLines } from "./cli.ts";
import { withDatabase } from "./database.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { checkCrewCallIds } from "./ids.ts";
import { withoutSecrets } from "./secrets.ts";
import { readStatus, showStatus } from "./status/of-all.ts";
import { readCrewCallStatus, showCrewCallStatus } from "./status/of-crew-call.ts";

type StatusFlags = { watch?: boolean; json?: boolean };
type View = {
  document: object;
  lines: string[];
  inSync: boolean;
  /** Differs when something happened, not when time has passed. */
  key: string;
};

/** How often `--watch` looks. */
const WATCH_MS = 2_000;

/** `flex-crew-sync status`: conditions, and what to do next. */
export function statusCommand(cli: Cli): Command {
  const command = new Command("status")
    .summary("show what is in sync, and what to do about the rest")
    .description(
      "Every crew call with its condition, the most urgent first, and what to do next; or one, person by person.\n" +
        "Exits 1 when something is not in sync.",
    )
    .argument("[ID]", "one crew call: flex_crew_calls.id")
    .option("--watch", "show it again every 2 s until Ctrl-C")
    .option("--json", "print one JSON document")
    .action((id: string | undefined, flags: StatusFlags) => runStatus(cli, id, flags));
  return teach(
    command,
    [
      "flex-crew-sync status",
      "flex-crew-sync status 3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60",
      "flex-crew-sync status --watch",
    ],
    ["DATABASE_URL", "NO_COLOR"],
  );
}

async function runStatus(cli: Cli, given: string | undefined, { watch, json }: StatusFlags): Promise<void> {
  if (watch && json) {
    throw new ConfigurationError(
      "USAGE",
      "--watch and --json are given",
      "Choose one: --json prints one document.",
    );
  }
  const [id] = given === undefined ? [] : checkCrewCallIds([given]);
  await withDatabase(cli, async (sql) => {
    if (watch) cli.exitCode = await watchStatus(cli, () => look(cli, sql, id));
    else {
      const view = await look(cli, sql, id);
      if (json) writeJson(cli, view.document);
      else writeLines(cli.stdout, view.lines);
      cli.exitCode = view.inSync ? EXIT.done : EXIT.notInSync;
    }
  });
}

async function look(cli: Cli, sql: Sql, id: string | undefined): Promise<View> {
  if (id === undefined) {
    const status = await readStatus(sql);
    const key = JSON.stringify(status.crew_calls);
    return { document: status, lines: showStatus(cli, status), inSync: status.in_sync, key };
  }
  const status = await readCrewCallStatus(sql, id);
  const key = JSON.stringify([status.crew_call, status.persons]);
  return { document: status, lines: showCrewCallStatus(cli, status), inSync: status.in_sync, key };
}

/** Draws the view again and again: over the last one in a terminal, else below it whenever it changed. */
async function watchStatus(cli: Cli, view: () => Promise<View>): Promise<ExitCode> {
  const signal = cli.stopSignal();
  const wakeUp = createWakeUp();
  signal.addEventListener("abort", wakeUp.wake, { once: true });
  let code: ExitCode = EXIT.done;
  let last = "";
  for (let first = true; !signal.aborted; first = false) {
    let seen: Pick<View, "lines" | "key" | "inSync">;
    try {
      seen = await view();
    } catch (error) {
      if (first) throw error;
      const lost = `the database does not answer, trying again: ${withoutSecrets(messageOf(error), cli.env)}`;
      seen = { lines: [lost], key: lost, inSync: false };
    }
    code = seen.inSync ? EXIT.done : EXIT.notInSync;
    if (cli.stdout.isTTY === true) redraw(cli, seen.lines);
    else if (seen.key !== last) writeLines(cli.stdout, [...seen.lines, ""]);
    last = seen.key;
    await wakeUp.sleep(WATCH_MS);
  }
  return code;
}

/** Draws over the last view, as much as the terminal can hold. */
function redraw({ stdout }: Cli, lines: string[]): void {
  const room = (stdout.rows ?? Number.POSITIVE_INFINITY) - 2;
  const shown =
    lines.length > room ? [...lines.slice(0, room), `and ${lines.length - room} more lines`] : lines;
  stdout.write(`\u001b[H${shown.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
}
