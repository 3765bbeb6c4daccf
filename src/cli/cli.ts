import type { ExitCode } from "./exit-codes.ts";

/** A stream to write to; a process's own stdout and stderr are such. */
export type Output = {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** A terminal says when its size changes. */
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
};

/** What a command gets of the world around it, so that a test can hold it. */
export type Cli = {
  env: Readonly<Record<string, string | undefined>>;
  /** The result, and nothing else. */
  readonly stdout: Output;
  /** Everything else: progress, logs, errors. */
  readonly stderr: Output;
  /**
   * Takes over SIGINT and SIGTERM: the first one aborts, with the signal's name as reason, a second one ends the
   * process at once. A command that never asks is ended by the first.
   */
  stopSignal(): AbortSignal;
  /** How the command ended. */
  exitCode: ExitCode;
};

/** The one JSON document of a command with `--json`. */
export function writeJson(cli: Cli, document: unknown): void {
  cli.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

export function writeLines(output: Output, lines: readonly string[]): void {
  if (lines.length > 0) output.write(`${lines.join("\n")}\n`);
}
