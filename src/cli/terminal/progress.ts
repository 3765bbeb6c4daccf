import type { Cli, Output } from "../cli.ts";
import { duration } from "./age.ts";
import { USUAL_WIDTH } from "./table.ts";
import { cut, heightOf, printable } from "./text.ts";

/** How much is done of how much, as far as it is known now. */
export type Share = { done: number; total: number };

/** Where a command says what it waits for. */
export type Progress = {
  /** What is so now: drawn over in a terminal, else a line when it changes or has lasted. */
  show(text: string, share?: Share): void;
  /** A line that stays. */
  note(text: string): void;
  /** Takes what is drawn away. */
  end(): void;
};

/** Without a terminal: the same text again after so long, another one not sooner. */
const REPEAT_MS = 5_000;
const SHORTEST_MS = 500;
const LONGEST_BAR = 40;

export function createProgress(
  output: Output,
  env: Cli["env"],
  now: () => number = () => performance.now(),
): Progress {
  return output.isTTY === true ? barAndLine(output, env, now) : plainLines(output, now);
}

/** A bar with what is waited for below it, drawn over each other. */
function barAndLine(output: Output, env: Cli["env"], now: () => number): Progress {
  const began = now();
  let drawn: string[] = [];
  const clear = () => {
    // As many lines as they fill now: somebody may have made the terminal narrower.
    const up = drawn.reduce((sum, line) => sum + heightOf(line, output.columns || USUAL_WIDTH), 0) - 1;
    return `\r${up > 0 ? `\u001b[${up}A` : ""}\u001b[J`;
  };
  return {
    show(text, share) {
      const width = (output.columns || USUAL_WIDTH) - 1;
      const took = duration((now() - began) / 1000);
      const lines = share
        ? [bar(share, took, width, isUnicode(env)), cut(printable(text), width)]
        : [cut(`${took}  ${printable(text)}`, width)];
      output.write(clear() + lines.join("\n"));
      drawn = lines;
    },
    note(text) {
      output.write(`${clear()}${text}\n`);
      drawn = [];
    },
    end() {
      if (drawn.length > 0) output.write(clear());
      drawn = [];
    },
  };
}

function bar({ done, total }: Share, took: string, width: number, unicode: boolean): string {
  const words = ` ${done}/${total}  ${took}`;
  const length = Math.min(LONGEST_BAR, width - words.length - 2);
  if (length < 5) return cut(words.trim(), width);
  const full = total > 0 ? Math.floor((length * Math.min(done, total)) / total) : 0;
  const [there, missing] = unicode ? ["█", "░"] : ["#", "-"];
  return `[${there.repeat(full)}${missing.repeat(length - full)}]${words}`;
}

function isUnicode({ LC_ALL, LC_CTYPE, LANG }: Cli["env"]): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

function plainLines(output: Output, now: () => number): Progress {
  let last = "";
  let at = Number.NEGATIVE_INFINITY;
  const write = (text: string) => {
    last = text;
    at = now();
    output.write(`${text}\n`);
  };
  return {
    show(text, share) {
      const line = printable(share ? `${text} (${share.done} of ${share.total} operations done)` : text);
      const since = now() - at;
      if (since >= (line === last ? REPEAT_MS : SHORTEST_MS)) write(line);
    },
    note: write,
    end() {},
  };
}
