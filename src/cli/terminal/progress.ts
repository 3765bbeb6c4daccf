import type { Output } from "../cli.ts";

/** Where a command says what it waits for. */
export type Progress = {
  /** What is so now: one line that is overwritten in a terminal, else a line when it changes or has lasted. */
  show(text: string): void;
  /** A line that stays. */
  note(text: string): void;
  /** Takes the overwritten line away. */
  end(): void;
};

/** Without a terminal: the same text again after so long, another one not sooner. */
const REPEAT_MS = 5_000;
const SHORTEST_MS = 500;
const WIDTH = 80;

export function createProgress(output: Output, now: () => number = () => performance.now()): Progress {
  return output.isTTY === true ? oneLine(output, now) : plainLines(output, now);
}

function oneLine(output: Output, now: () => number): Progress {
  const began = now();
  const clear = "\r\u001b[2K";
  return {
    show(text) {
      const line = `${Math.round((now() - began) / 1000)} s  ${text}`;
      const width = (output.columns ?? WIDTH) - 1;
      output.write(`${clear}${line.length > width ? `${line.slice(0, width - 1)}…` : line}`);
    },
    note: (text) => void output.write(`${clear}${text}\n`),
    end: () => void output.write(clear),
  };
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
    show(text) {
      const since = now() - at;
      if (since >= (text === last ? REPEAT_MS : SHORTEST_MS)) write(text);
    },
    note: write,
    end() {},
  };
}
