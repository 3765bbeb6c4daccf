import { Command } from "commander";
import { type DemoOptions, runDemo } from "../demo/run-demo.ts";
import { createScreen } from "../demo/screen.ts";

/**
 * `flex-crew-sync demo`. Exits 1 when something did not come out as it must.
 *
 * @param overrides what a test replaces
 */
export function demoCommand(overrides: Partial<DemoOptions> = {}): Command {
  return new Command("demo")
    .description("everything at once on an embedded Postgres and the simulator, gone at the end")
    .option("--keep", "leave it running until Ctrl-C, and say how to look inside", false)
    .action(async ({ keep }: { keep: boolean }) => {
      const screen = createScreen(process.stdout, process.env);
      const equal = await runDemo({ screen, keep, stopped: untilInterrupted, ...overrides });
      if (!equal) process.exitCode = 1;
    });
}

function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}
