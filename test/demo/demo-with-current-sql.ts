import { applyCurrent } from "../../db/scripts/apply-current.ts";
import type { Cli } from "../../src/cli/cli.ts";
import { demoCommand } from "../../src/cli/demo.ts";
import { migrate } from "../../src/migrate.ts";
import { differences } from "./differences.ts";

// The demo as its own process, with the migration being written on top of the committed ones. With DIFFERENCES in
// the environment things are brought in, right before the checks, that the demo has to find.

const cli: Cli = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stopSignal() {
    const controller = new AbortController();
    process.once("SIGINT", () => controller.abort("SIGINT"));
    return controller.signal;
  },
  exitCode: 0,
};

await demoCommand(cli, {
  install: async (connectionString) => {
    await migrate({ connectionString });
    await applyCurrent(connectionString);
  },
  beforeChecks: async (world) => {
    if (!process.env.DIFFERENCES) return;
    for (const { bringIn } of Object.values(differences)) await bringIn(world);
  },
}).parseAsync();
process.exitCode = cli.exitCode;
