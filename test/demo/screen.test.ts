import { expect, test } from "vitest";
import { createScreen } from "../../src/demo/screen.ts";

function screenOn(terminal: { isTTY: boolean; columns?: number }, env: Record<string, string> = {}) {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const screen = createScreen({ ...terminal, write }, env);
  return { screen, written: () => written };
}

test("on a terminal the progress line replaces itself, and what follows starts on a new line", () => {
  const { screen, written } = screenOn({ isTTY: true }, { NO_COLOR: "1" });
  screen.progress("1 of 9");
  screen.progress("2 of 9");
  screen.say("Done.");
  expect(written()).toBe("\r\u001b[2K  1 of 9\r\u001b[2K  2 of 9\n  Done.\n");
});

test("the progress line never wraps: a wrapped line cannot be replaced", () => {
  const { screen, written } = screenOn({ isTTY: true, columns: 12 });
  screen.progress("123456789 123456789");
  expect(written()).toBe("\r\u001b[2K  12345678…");
});

test("elsewhere each progress is a plain line, once", () => {
  const { screen, written } = screenOn({ isTTY: false });
  screen.progress("1 of 9");
  screen.progress("1 of 9");
  screen.progress("2 of 9");
  expect(written()).toBe("  1 of 9\n  2 of 9\n");
});

test("colours come on a terminal, and not where NO_COLOR is set", () => {
  for (const [env, coloured] of [
    [{}, true],
    [{ NO_COLOR: "1" }, false],
  ] as const) {
    const { screen, written } = screenOn({ isTTY: true }, env);
    screen.title("demo");
    screen.check("holds", []);
    expect(written().includes("\u001b[")).toBe(coloured);
  }
});

test("a table pads its columns, puts numbers to the right and cuts what does not fit", () => {
  const { screen, written } = screenOn({ isTTY: false });
  screen.table([
    ["rows", "5", "Ana"],
    ["people", "10", "x".repeat(80)],
  ]);
  const [rows, people] = written().split("\n");
  expect(rows).toBe("  rows      5   Ana");
  expect(people).toMatch(/^ {2}people {3}10 {3}x+…$/);
  expect(people).toHaveLength(78);
});
