import { Command } from "commander";
import { drain, drainOnce } from "../drainer/drain.ts";
import type { Cli } from "./cli.ts";
import { drainSettings } from "./environment.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { createLog } from "./log.ts";

/** `flex-crew-sync drain`: the daemon. */
export function drainCommand(cli: Cli): Command {
  const command = new Command("drain")
    .summary("run the daemon that calls Flex")
    .description(
      "The daemon: takes what sync_crew_call queued, calls Flex and records what came of it.\n" +
        "Any number of them share the work. SIGTERM and Ctrl-C let what is in flight end and hand the rest back;\n" +
        "a second signal ends it at once, which is safe. It logs JSON lines to stderr (one-liners in a terminal).",
    )
    .option("--once", "drain until nothing is due, then exit (for cron)")
    .action((options: { once?: boolean }) => runDrain(cli, options));
  return teach(
    command,
    ["flex-crew-sync drain", "LOG_LEVEL=debug flex-crew-sync drain", "flex-crew-sync drain --once"],
    [
      "DATABASE_URL",
      "LISTEN_DATABASE_URL",
      "FLEX_BASE_URL",
      "FLEX_AUTH_TOKEN",
      "FLEX_TIMEOUT_MS",
      "LOG_LEVEL",
    ],
  );
}

async function runDrain(cli: Cli, { once = false }: { once?: boolean }): Promise<void> {
  const settings = drainSettings(cli.env);
  const log = createLog(cli);
  const signal = cli.stopSignal();
  signal.addEventListener("abort", () =>
    log.info({ signal: String(signal.reason) }, "stopping: what is in flight ends first"),
  );
  const options = { ...settings, log, signal };
  if (once) {
    const { operations } = await drainOnce(options);
    log.info({ operations }, signal.aborted ? "stopped" : "nothing is due any more");
  } else {
    await drain(options);
    log.info({}, "stopped");
  }
  cli.exitCode = EXIT.done;
}
