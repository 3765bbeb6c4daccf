/** Where the demo tells its story: at most 80 columns, colours and a moving line only on a terminal. */
export type Screen = {
  title(text: string): void;
  chapter(text: string): void;
  say(text: string): void;
  /** Something to copy, as it is. */
  command(text: string): void;
  /** The first cell is as wide as its longest, the last takes the rest of the line. */
  table(rows: string[][]): void;
  check(text: string, differences: string[]): void;
  /** Replaces the progress line on a terminal; elsewhere a line of its own. */
  progress(text: string): void;
  /** Whether the progress line moves. */
  readonly moves: boolean;
  gap(): void;
};

export type ScreenTarget = { write(text: string): unknown; isTTY?: boolean };

const WIDTH = 78;
const INDENT = "  ";
const GUTTER = "   ";

export function createScreen(out: ScreenTarget, env: NodeJS.ProcessEnv): Screen {
  const terminal = out.isTTY === true && env.TERM !== "dumb";
  const colours = terminal && !env.NO_COLOR;
  const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  const [bold, dim, green, red] = [paint(1), paint(2), paint(32), paint(31)];
  let moving = false;
  let last = "";

  const line = (text = "") => {
    if (moving) out.write("\n");
    moving = false;
    out.write(`${text}\n`);
  };
  return {
    title: (text) => line(bold(text)),
    chapter(text) {
      line();
      line(bold(text));
      line();
    },
    say: (text) => line(wrap(text, WIDTH, INDENT).join("\n")),
    command: (text) => line(dim(`${INDENT}${INDENT}${text}`)),
    table(rows) {
      for (const row of alignColumns(rows)) {
        const [head = "", ...more] = row;
        line(`${INDENT}${head}${more.map((text) => dim(text)).join("")}`.trimEnd());
      }
    },
    check(text, differences) {
      line(`${INDENT}${differences.length === 0 ? green("✓") : red("✗")} ${text}`);
      for (const difference of differences) line(red(`${INDENT}    ${difference}`));
    },
    progress(text) {
      if (text === last) return;
      last = text;
      if (terminal) out.write(`\r\x1b[2K${INDENT}${text}`);
      else out.write(`${INDENT}${text}\n`);
      moving = terminal;
    },
    moves: terminal,
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

/** Pad each column but the last to its longest cell, numbers to the right; what does not fit is cut. */
function alignColumns(rows: string[][]): string[][] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.slice(0, -1).map((cell, at) => {
      const width = widths[at] ?? 0;
      return `${/^\d+$/.test(cell) ? cell.padStart(width) : cell.padEnd(width)}${GUTTER}`;
    });
    const left = WIDTH - INDENT.length - cells.join("").length;
    const last = row.at(-1) ?? "";
    return [...cells, last.length > left ? `${last.slice(0, left - 1)}…` : last];
  });
}
