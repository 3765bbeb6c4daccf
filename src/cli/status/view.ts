import { cut, heightOf } from "../terminal/text.ts";

/** What `status` shows, in parts: a terminal that is too short gets less of each. */
export type View = {
  /** Comes first. */
  head: string[];
  /** The titles, then a line per row. */
  table: string[];
  /** How many rows are not even in the table. */
  hidden: number;
  /** What there is to do, a line each, as long as it takes: it is there to be copied. */
  todo: string[];
  /** How the whole is: last, or below the head in a live view. */
  foot: string[];
};

export const TODO_TITLE = "What to do next";

/** All of it, one below the other. */
export function wholeView({ head, table, hidden, todo, foot }: View): string[] {
  const rows = hidden > 0 ? [...table, more(hidden)] : table;
  const parts = [head, rows, todo.length > 0 ? [TODO_TITLE, ...todo] : [], foot];
  return parts
    .filter((part) => part.length > 0)
    .flatMap((part, number) => (number > 0 ? ["", ...part] : part));
}

export type Room = { rows: number; columns: number };

/** As much of it as a terminal holds: how the whole is, then rows, then what to do about the first of them. */
export function fittingView(view: View, { rows, columns }: Room): string[] {
  const height = (lines: string[]) => lines.reduce((sum, line) => sum + heightOf(line, columns), 0);
  const shown: string[] = [];
  let left = rows;
  for (const line of [...view.head, ...view.foot]) {
    if (heightOf(line, columns) > left - 2 && shown.length > 0) break;
    shown.push(line);
    left -= heightOf(line, columns);
  }
  const airy = left > 8;
  if (airy) left -= 1;
  const wish = view.todo.length > 0 && left >= 6 ? height(view.todo) + (airy ? 2 : 1) : 0;
  const forTodo = Math.min(wish, Math.max(Math.floor(left / 2), left - view.table.length));
  const table = firstRows(view, left - forTodo);
  const todo = firstThatFit(view.todo, left - table.length - (airy ? 2 : 1), columns);
  return [
    ...shown,
    ...(airy ? [""] : []),
    ...table,
    ...(todo.length > 0 ? [...(airy ? [""] : []), cut(TODO_TITLE, columns), ...todo] : []),
  ];
}

function firstRows({ table, hidden }: View, room: number): string[] {
  if (table.length + (hidden > 0 ? 1 : 0) <= room) return hidden > 0 ? [...table, more(hidden)] : table;
  // One line is better a row than the titles, and two are better a row and how many there are.
  const rows = room < 4 ? table.slice(1) : table;
  const kept = rows.slice(0, Math.max(room > 1 ? room - 1 : room, 0));
  return room > 1 ? [...kept, more(rows.length - kept.length + hidden)] : kept;
}

function more(rows: number): string {
  return `and ${rows} more`;
}

function firstThatFit(lines: string[], room: number, columns: number): string[] {
  let left = room;
  const fit: string[] = [];
  for (const line of lines) {
    left -= heightOf(line, columns);
    if (left < 0) break;
    fit.push(line);
  }
  return fit;
}
