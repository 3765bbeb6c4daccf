import type { Cli, Output } from "../cli.ts";

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export type Paint = Record<keyof typeof CODES, (text: string) => string>;

/** Colours where they are wanted, and plain text everywhere else. */
export function paint(output: Output, env: Cli["env"]): Paint {
  const wanted = wantsColour(output, env);
  const entries = Object.entries(CODES).map(([name, code]) => [
    name,
    (text: string) => (wanted && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text),
  ]);
  return Object.fromEntries(entries) as Paint;
}

/**
 * Colours are for terminals. `NO_COLOR` (or `--no-color`, which sets it) takes them away, whatever else is set;
 * `FORCE_COLOR` brings them to pipes and files too, and takes them away as `0` or `false`.
 */
export function wantsColour(output: Output, env: Cli["env"]): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return !/^(0|false)$/i.test(env.FORCE_COLOR);
  return output.isTTY === true && env.TERM !== "dumb";
}
