import type { Cli } from "../cli.ts";
import { named } from "../names.ts";
import { briefIds } from "../terminal/brief-ids.ts";
import { type Paint, paint } from "../terminal/paint.ts";
import { widthOfOutput } from "../terminal/table.ts";
import { printable, wrap } from "../terminal/text.ts";
import type { Happened, History } from "./read-history.ts";

/** `21:49:44  `, which lines below it hang under. */
const HANG = 10;

/** A day, then a line for each thing that happened: when, to whom, what. */
export function showHistory(cli: Cli, { happened, technician_id, since, names }: History): string[] {
  if (happened.length === 0) {
    return [since ? `Nothing is known since ${since}.` : "Nothing has happened on this crew call yet."];
  }
  const colour = paint(cli.stdout, cli.env);
  const width = widthOfOutput(cli.stdout);
  const brief =
    cli.stdout.isTTY === true ? briefIds(happened.map((row) => row.technician_id)) : (id: string) => id;
  let day = "";
  return happened.flatMap((row) => {
    const at = new Date(row.at);
    const today = dayOf(at);
    const who =
      technician_id === null && row.technician_id !== null
        ? `${printable(named(names[row.technician_id], brief(row.technician_id)))}: `
        : "";
    const status = row.http_status !== null && row.http_status >= 300 ? ` (HTTP ${row.http_status})` : "";
    const [first = "", ...others] = wrap(`${who}${printable(row.detail)}${status}`, width - HANG);
    const painted = (text: string) => paintHappened(row, text, colour);
    const head = today === day ? [] : [...(day === "" ? [] : [""]), colour.bold(today)];
    day = today;
    return [
      ...head,
      `${timeOf(at)}  ${painted(first)}`,
      ...others.map((line) => " ".repeat(HANG) + painted(line)),
    ];
  });
}

/** What needed somebody is red, what hung in the air yellow. */
function paintHappened({ what, outcome }: Happened, text: string, colour: Paint): string {
  if (/^(failed|refused|blocked|denied|token_refused|contest)$/.test(outcome)) return colour.red(text);
  if (/^(unknown|hold|held|unmapped|doubtful|absent)$/.test(outcome)) return colour.yellow(text);
  return what === "reading" ? colour.dim(text) : text;
}

function dayOf(at: Date): string {
  const weekday = at.toLocaleDateString("en-GB", { weekday: "long" });
  return `${weekday} ${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

function timeOf(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
