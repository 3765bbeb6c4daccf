import type { Output } from "../cli.ts";
import type { Paint } from "./paint.ts";
import { cut, pad, printable, widthOf } from "./text.ts";

export type Column<Row> = {
  title: string;
  value(row: Row): string;
  /** Colours a value after it was cut and padded. */
  paint?(text: string, row: Row): string;
  align?: "right";
  /** What stands there where the table is too wide: tried before any column goes. */
  brief?(row: Row): string;
  /** Where the table is too wide, columns go in this order: 1 first. Without a number a column stays. */
  drop?: number;
  /** May be cut to this many characters when dropping was not enough. */
  shrinkTo?: number;
};

const GAP = "  ";
/** A terminal that does not say how wide it is. */
export const USUAL_WIDTH = 80;

/** How wide lines may be; as wide as they are without a terminal. */
export function widthOfOutput(output: Output): number {
  return output.isTTY === true ? output.columns || USUAL_WIDTH : Number.POSITIVE_INFINITY;
}

/** Rows as lines that fit the terminal; without one, nothing is abbreviated, dropped or cut. */
export function table<Row>(
  columns: Column<Row>[],
  rows: readonly Row[],
  output: Output,
  colour: Paint,
): string[] {
  const room = widthOfOutput(output);
  const whole = columns.map((column) => measured(column, rows, column.value));
  const fits = total(whole) <= room;
  const cells = fits ? whole : columns.map((column) => measured(column, rows, column.brief ?? column.value));
  const shown = withinRoom(cells, room);
  const head = shown.map(({ column, width }) => pad(cut(column.title, width), width, column.align)).join(GAP);
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

type Cell<Row> = { column: Column<Row>; texts: string[]; width: number };

function measured<Row>(column: Column<Row>, rows: readonly Row[], value: (row: Row) => string): Cell<Row> {
  const texts = rows.map((row) => printable(value(row)));
  // Not by spread: a season has more rows than a call takes arguments.
  const width = texts.reduce((widest, text) => Math.max(widest, widthOf(text)), widthOf(column.title));
  return { column, texts, width };
}

function total(cells: readonly { width: number }[]): number {
  return cells.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);
}

function withinRoom<Row>(cells: Cell<Row>[], room: number): Cell<Row>[] {
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
