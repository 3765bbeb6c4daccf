import { expect, test } from "vitest";
import { createProgress } from "../../../src/cli/terminal/progress.ts";
import { screenOf } from "./screen-of.ts";

const UTF8 = { LANG: "en_US.UTF-8" };

/** Progress on a terminal of so many columns, with a clock that the test sets. */
function onTerminal(columns: number, env = UTF8 as Record<string, string>) {
  let sent = "";
  let clock = 0;
  const output = { isTTY: true, columns, write: (text: string) => (sent += text.replaceAll("\n", "\r\n")) };
  const progress = createProgress(output, env, () => clock);
  return {
    progress,
    at: (ms: number) => (clock = ms),
    shown: () => screenOf(sent, { rows: 6, columns }).text,
  };
}

test("a terminal shows a bar with what is waited for below it, over what it showed before", () => {
  const { progress, at, shown } = onTerminal(40);
  progress.show("waiting for something", { done: 0, total: 10 });
  at(61_000);
  progress.show("waiting for sound: waiting for a drainer, and then for more", { done: 5, total: 10 });
  expect(shown()).toBe(
    ["[████████████░░░░░░░░░░░░░] 5/10  1 min", "waiting for sound: waiting for a drain…"].join("\n"),
  );
  progress.note("stopped");
  progress.end();
  expect(shown()).toBe("stopped");
});

test("a bar is plain where the language has no other characters, and goes where there is no room", () => {
  const plain = onTerminal(24, { LANG: "C" });
  plain.progress.show("x", { done: 1, total: 2 });
  expect(plain.shown()).toBe("[######------] 1/2  0 s\nx");
  const narrow = onTerminal(12);
  narrow.progress.show("waiting", { done: 1, total: 2 });
  expect(narrow.shown()).toBe("1/2  0 s\nwaiting");
});

test("without a terminal a line repeats itself only after a while", () => {
  let file = "";
  let clock = 0;
  const progress = createProgress({ write: (text) => (file += text) }, {}, () => clock);
  for (clock of [0, 1_000, 2_000, 5_100]) progress.show("waiting");
  clock = 6_000;
  progress.show("waiting", { done: 1, total: 3 });
  expect(file).toBe("waiting\nwaiting\nwaiting (1 of 3 operations done)\n");
});

test("nothing that others wrote moves the cursor", () => {
  const { progress, shown } = onTerminal(40);
  progress.show("one\u001b[2J\ntwo", { done: 0, total: 1 });
  expect(shown().split("\n")[1]).toBe("one�[2J two");
});
