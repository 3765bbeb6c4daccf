import type { Output } from "../cli.ts";
import type { Paint } from "./paint.ts";

export type Column<Row> = {
  title: string;
  value(row: Row): string;
  /** Colours a value after it was cut and padded. */
  paint?(text: string, row: Row): string;
  align?: "right";
  /** Where the table is too wide, columns go in this order: 1 first. Without a number a column stays. */
  drop?: number;
  /** May be cut to this many characters when dropping was not enough. */
  shrinkTo?: number;
};

const GAP = "  ";

/** Rows as lines that fit the terminal; without one, nothing is dropped or cut. */
export function table<Row>(
  columns: Column<Row>[],
  rows: readonly Row[],
  output: Output,
  colour: Paint,
): string[] {
  const room = output.isTTY === true ? (output.columns ?? 80) : Number.POSITIVE_INFINITY;
  const cells = columns.map((column) => ({ column, texts: rows.map((row) => column.value(row)), width: 0 }));
  for (const cell of cells)
    cell.width = Math.max(cell.column.title.length, ...cell.texts.map((text) => text.length));
  const shown = withinRoom(cells, room);
  const head = shown.map(({ column, width }) => pad(column.title, width, column.align)).join(GAP);
  const lines = rows.map((row, number) =>
    shown
      .map(({ column, texts, width }) => {
        const text = pad(cut(texts[number] ?? "", width), width, column.align);
        return column.paint ? column.paint(text, row) : text;
      })
      .join(GAP)
      .trimEnd(),
  );
  return [colour.dim(head.trimEnd()), ...lines];
}

type Fitted = { width: number; column: { drop?: number; shrinkTo?: number } };

function withinRoom<T extends Fitted>(cells: T[], room: number): T[] {
  const total = (some: T[]) => some.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);
  let shown = cells;
  const droppable = cells
    .filter(({ column }) => column.drop !== undefined)
    .sort((one, other) => (one.column.drop ?? 0) - (other.column.drop ?? 0));
  for (const next of droppable) {
    if (total(shown) <= room) break;
    shown = shown.filter((cell) => cell !== next);
  }
  for (const cell of shown) {
    const over = total(shown) - room;
    if (over > 0 && cell.column.shrinkTo !== undefined) {
      cell.width = Math.max(Math.min(cell.width, cell.column.shrinkTo), cell.width - over);
    }
  }
  return shown;
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function pad(text: string, width: number, align: "right" | undefined): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}
