import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { type DrainOptions, drain, drainOnce } from "../drainer/drain.ts";
import { type FaceParts, startFace } from "../face/start-face.ts";
import type { Cli } from "./cli.ts";
import { drainSettings } from "./environment.ts";
import { EXIT } from "./exit-codes.ts";
import { faceSettings } from "./face-settings.ts";
import { teach } from "./help.ts";
import { createLog } from "./log.ts";

/** `flex-crew-sync drain`: the daemon. */
export function drainCommand(cli: Cli): Command {
  const command = new Command("drain")
    .summary("run the daemon that calls Flex")
    .description(
      "The daemon: takes what sync_crew_call queued, calls Flex and records what came of it.\n" +
        "Any number of them share the work. SIGTERM and Ctrl-C let what is in flight end and hand the rest back;\n" +
        "a second signal ends it at once, which is safe. It logs JSON lines to stderr (one-liners in a terminal).\n" +
        "With PORT it serves /healthz, /readyz, /metrics and the status page.",
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
      "PORT",
      "HOST",
      "STATUS_TOKEN",
      "STATUS_ACTIONS",
      "LOG_LEVEL",
    ],
  );
}

async function runDrain(cli: Cli, { once = false }: { once?: boolean }): Promise<void> {
  const settings = drainSettings(cli.env);
  const face = once ? null : faceSettings(cli.env);
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
    keepMemorySmall();
    if (face) await drainWithFace(options, { ...options, settings: face });
    else await drain(options);
    log.info({}, "stopped");
  }
  cli.exitCode = EXIT.done;
}

/** A daemon keeps little and throws much away: otherwise V8 doubles the room for what is new, and tidies the rest late. */
function keepMemorySmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--optimize-for-size");
}

async function drainWithFace(options: DrainOptions, parts: FaceParts): Promise<void> {
  const face = await startFace(parts);
  try {
    await drain({ ...options, observer: face.observer });
  } finally {
    await face.close();
  }
}
