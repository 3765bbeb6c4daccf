#!/usr/bin/env node
import type { Cli } from "./cli.ts";
import { exitCodeOfSignal } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

const cli: Cli = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stopSignal: takeOverSignals,
  exitCode: 0,
};

// The reader of a pipe went away (`… | head`): nobody is left to tell.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const code = await runCli(process.argv.slice(2), cli);
if (code !== 0) process.exitCode = code;

function takeOverSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      // Whatever was in flight is unknown then, and a reading decides: that is safe, only slower.
      if (controller.signal.aborted) process.exit(exitCodeOfSignal(name));
      controller.abort(name);
    });
  }
  return controller.signal;
}
