/**
 * What a terminal of this size shows after it was sent a text: as much of one as our own output needs. What it does
 * not know is an error, so that nothing is misread in silence.
 */
export function screenOf(sent: string, { rows, columns }: { rows: number; columns: number }): TerminalState {
  const blank = () => Array.from({ length: rows }, () => Array<string>(columns).fill(" "));
  const main = { cells: blank(), row: 0, column: 0 };
  let shown = main;
  let cursor = true;
  let scrolled = 0;

  const put = (text: string) => {
    if (shown.column === columns) newLine();
    (shown.cells[shown.row] as string[])[shown.column] = text;
    shown.column += 1;
  };
  const newLine = () => {
    shown.column = 0;
    shown.row += 1;
    if (shown.row < rows) return;
    shown.row = rows - 1;
    shown.cells.shift();
    shown.cells.push(Array<string>(columns).fill(" "));
    scrolled += 1;
  };
  const eraseLine = (from: number) => shown.cells[shown.row]?.fill(" ", Math.min(from, columns - 1));
  const obey = (code: string) => {
    const [, number = "", letter] = /^\[\??([\d;]*)([A-Za-z])$/.exec(code) ?? [];
    const count = Number(number || 1);
    if (letter === "m") return;
    if (code === "[?25l" || code === "[?25h") cursor = code.endsWith("h");
    else if (code === "[?1049h") shown = { cells: blank(), row: 0, column: 0 };
    else if (code === "[?1049l") shown = main;
    else if (code === "[H") Object.assign(shown, { row: 0, column: 0 });
    else if (letter === "A") shown.row = Math.max(shown.row - count, 0);
    else if (code === "[2K") eraseLine(0);
    else if (code === "[K") eraseLine(shown.column);
    else if (code === "[J") {
      eraseLine(shown.column);
      for (let row = shown.row + 1; row < rows; row += 1) shown.cells[row]?.fill(" ");
    } else throw new Error(`a terminal was told ${JSON.stringify(code)}`);
  };

  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are controlled by them
  for (const [piece, code] of sent.matchAll(/\u001b(\[[?\d;]*[A-Za-z])|[\s\S]/gu)) {
    if (code) obey(code);
    else if (piece === "\r") shown.column = 0;
    else if (piece === "\n") {
      const { column } = shown;
      newLine();
      shown.column = column === columns ? 0 : column;
    } else put(piece);
  }
  const lines = shown.cells.map((cells) => cells.join("").trimEnd());
  return { lines, text: lines.join("\n").trimEnd(), second: shown !== main, cursor, scrolled };
}

export type TerminalState = {
  /** Every line of the screen, without blanks at its end. */
  lines: string[];
  text: string;
  /** Whether its second screen is shown. */
  second: boolean;
  /** Whether the cursor can be seen. */
  cursor: boolean;
  /** How many lines went out at the top. */
  scrolled: number;
};
