import type { Output } from "../cli.ts";
import { USUAL_WIDTH } from "./table.ts";
import { heightOf } from "./text.ts";

const USUAL_HEIGHT = 24;

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

/** A terminal's second screen, which is drawn over and over; the first comes back as it was. */
export type Screen = {
  size(): { rows: number; columns: number };
  /** Lines from the top. A longer one goes on in the next line of the terminal, so that it can be copied whole. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back. Harmless when done twice. */
  leave(): void;
};

/** @param changed called when the size has changed */
export function enterScreen(output: Output, changed: () => void): Screen {
  let there = true;
  const size = () => ({ rows: output.rows || USUAL_HEIGHT, columns: output.columns || USUAL_WIDTH });
  output.write(ENTER);
  output.on?.("resize", changed);
  return {
    size,
    draw(lines) {
      if (!there) return;
      const { rows, columns } = size();
      let left = rows;
      const drawn: string[] = [];
      for (const line of lines) {
        const height = heightOf(line, columns);
        if (height > left) break;
        left -= height;
        // Cleared before and not after: behind a full line the cursor still stands on its last character.
        drawn.push(`${height > 1 ? "\u001b[J" : "\u001b[K"}${line}`);
      }
      output.write(`\u001b[H${drawn.join("\r\n")}${left > 0 ? "\r\n\u001b[J" : ""}`);
    },
    leave() {
      if (!there) return;
      there = false;
      output.off?.("resize", changed);
      output.write(LEAVE);
    },
  };
}
