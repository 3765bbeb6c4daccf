import type { Cli, Output } from "../cli/cli.ts";
import { paint } from "../cli/terminal/paint.ts";

/** Where the demo tells its story: at most 80 columns, colours and a moving line only on a terminal. */
export type Screen = {
  title(text: string): void;
  chapter(text: string): void;
  say(text: string): void;
  /** Something to copy, as it is. */
  command(text: string): void;
  /** Columns as wide as they need, numbers to the right; the last column takes the rest of the line. */
  table(rows: string[][]): void;
  check(text: string, differences: string[]): void;
  /** Replaces the progress line on a terminal; elsewhere a line of its own. */
  progress(text: string): void;
  /** Whether the progress line moves. */
  readonly moves: boolean;
  gap(): void;
};

const WIDTH = 78;
const INDENT = "  ";
const GUTTER = "   ";

export function createScreen(out: Output, env: Cli["env"]): Screen {
  const moves = out.isTTY === true && env.TERM !== "dumb";
  const { bold, dim, green, red } = paint(out, env);
  let last = "";
  let moving = false;

  const line = (text = "") => {
    out.write(`${moving ? "\n" : ""}${text}\n`);
    moving = false;
  };
  return {
    title: (text) => line(bold(text)),
    chapter: (text) => line(`\n${bold(text)}\n`),
    say: (text) => line(wrap(text, WIDTH, INDENT).join("\n")),
    command: (text) => line(dim(`${INDENT}${INDENT}${text}`)),
    table(rows) {
      for (const { columns, rest } of alignColumns(rows)) line(`${INDENT}${columns}${dim(rest)}`.trimEnd());
    },
    check(text, differences) {
      line(`${INDENT}${differences.length === 0 ? green("✓") : red("✗")} ${text}`);
      for (const difference of differences) line(red(`${INDENT}${INDENT}${INDENT}${difference}`));
    },
    progress(text) {
      if (text === last) return;
      last = text;
      if (!moves) return line(`${INDENT}${text}`);
      out.write(`\r\u001b[2K${cut(`${INDENT}${text}`, (out.columns || WIDTH) - 1)}`);
      moving = true;
    },
    moves,
    gap: () => line(),
  };
}

/** Break a text into lines of at most `width`, each after the indent. */
export function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let current = indent;
  for (const word of text.split(" ")) {
    const longer = current === indent ? `${indent}${word}` : `${current} ${word}`;
    if (longer.length <= width || current === indent) current = longer;
    else {
      lines.push(current);
      current = `${indent}${word}`;
    }
  }
  return [...lines, current];
}

function alignColumns(rows: string[][]): { columns: string; rest: string }[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => {
    const padded = row.slice(0, -1).map((cell, at) => {
      const width = widths[at] ?? 0;
      return /^\d+$/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
    });
    const columns = padded.map((cell) => `${cell}${GUTTER}`).join("");
    return { columns, rest: cut(row.at(-1) ?? "", WIDTH - INDENT.length - columns.length) };
  });
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
