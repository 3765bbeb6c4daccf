import { stripVTControlCharacters } from "node:util";

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** East Asian wide and full-width characters, and pictures: two cells each. */
const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const PLAIN = /^[\u0020-\u007e]*$/;

/** How many cells of a terminal a text takes; colours take none. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) width += cellsOf(segment);
  return width;
}

/** How many lines of a terminal a text fills. */
export function heightOf(text: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(text) / columns));
}

/** A text without colours in no more than so many cells, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  let taken = 1;
  for (const { segment } of graphemes.segment(text)) {
    taken += cellsOf(segment);
    if (taken > width) break;
    kept += segment;
  }
  return width > 0 ? `${kept}…` : "";
}

/** Blanks up to so many cells, behind the text or before it. */
export function pad(text: string, width: number, align?: "right"): string {
  const blanks = " ".repeat(Math.max(width - widthOf(text), 0));
  return align === "right" ? blanks + text : text + blanks;
}

/** A text that others wrote, in one line and without anything that a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "�");
}

/** Words in lines of no more than so many cells; only a word longer than that is longer. Lines after the first hang. */
export function wrap(text: string, width: number, hang = 0): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    const indent = /^ */.exec(paragraph)?.[0] ?? "";
    let line = indent;
    for (const word of paragraph.trim().split(/ +/)) {
      if (line.trim() !== "" && widthOf(line) + widthOf(word) >= width) {
        lines.push(line.trimEnd());
        line = indent + " ".repeat(hang);
      }
      line += `${line.trim() === "" ? "" : " "}${word}`;
    }
    lines.push(line.trimEnd());
  }
  return lines;
}

/** Pieces one after the other, each whole, in lines of no more than so many cells. */
export function flow(pieces: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = [];
  for (const piece of pieces) {
    const last = lines.at(-1);
    const longer = `${last}${separator}${piece}`;
    if (last !== undefined && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(piece);
  }
  return lines;
}

function cellsOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1;
}
