import { CommanderError } from "commander";
import { type Cli, writeJson } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { explainError } from "./explain-error.ts";
import { createProgram } from "./program.ts";
import { withoutSecrets } from "./secrets.ts";

/**
 * Runs one command line and answers its exit code; never throws.
 *
 * @param args without `node` and the script
 */
export async function runCli(args: readonly string[], cli: Cli): Promise<ExitCode> {
  try {
    await createProgram(cli).parseAsync(args, { from: "user" });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    tell(error, args, cli);
    return EXIT.misuse;
  }
}

function tell(error: unknown, args: readonly string[], cli: Cli): void {
  const { code, message, hint } = explainError(error, cli.env);
  const shown = {
    code,
    message: withoutSecrets(message, cli.env),
    hint: hint && withoutSecrets(hint, cli.env),
  };
  // commander has written its own errors, and the help of a command line without a command.
  if (!(error instanceof CommanderError)) {
    cli.stderr.write(`error: ${shown.message} (${code})\n`);
    if (shown.hint) cli.stderr.write(`${shown.hint.replaceAll(/^/gm, "  ")}\n`);
  }
  if (/^(debug|trace)$/i.test(cli.env.LOG_LEVEL ?? "") && error instanceof Error) {
    cli.stderr.write(`${withoutSecrets(error.stack ?? "", cli.env)}\n`);
  }
  if (args.includes("--json")) writeJson(cli, { error: shown });
}
