import { pino } from "pino";
import type { Log } from "../drainer/log.ts";
import type { Cli } from "./cli.ts";
import { logLevel } from "./environment.ts";
import { paint } from "./terminal/paint.ts";
import { printable } from "./terminal/text.ts";

/** The daemon's log on stderr: JSON lines, or one-liners for a person at a terminal. */
export function createLog(cli: Cli): Log {
  const level = logLevel(cli.env);
  const { stderr } = cli;
  if (stderr.isTTY !== true) {
    return pino(
      { level, base: { pid: process.pid } },
      { write: (line: string) => void stderr.write(line) },
    ) as Log;
  }
  const colour = paint(stderr, cli.env);
  return pino(
    { level, base: null },
    { write: (line: string) => void stderr.write(`${oneLine(line, colour)}\n`) },
  ) as Log;
}

function oneLine(json: string, colour: ReturnType<typeof paint>): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const text = Object.entries(fields).map(([name, value]) => `${name}=${show(value)}`);
  const said = printable(String(msg));
  const message = Number(level) >= 50 ? colour.red(said) : Number(level) >= 40 ? colour.yellow(said) : said;
  return [colour.dim(clock), message, colour.dim(text.join(" "))].join(" ").trimEnd();
}

function show(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return printable(/\s/.test(text) ? JSON.stringify(text) : text);
}
