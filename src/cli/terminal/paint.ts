import type { Cli, Output } from "../cli.ts";

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export type Paint = Record<keyof typeof CODES, (text: string) => string>;

/** Colours for a terminal that wants them, and plain text for everything else (https://no-color.org). */
export function paint(output: Output, env: Cli["env"]): Paint {
  const wanted = output.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  const entries = Object.entries(CODES).map(([name, code]) => [
    name,
    (text: string) => (wanted && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text),
  ]);
  return Object.fromEntries(entries) as Paint;
}
