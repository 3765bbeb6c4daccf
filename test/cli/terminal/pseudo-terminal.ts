import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { MAIN } from "../../built-program.ts";
import { findProgram } from "../../needs.ts";
import type { Env } from "../command-line.ts";
import { screenOf, type TerminalState } from "./screen-of.ts";

/** Runs a program on a pseudo-terminal; lines on its own stdin are a new size, or keys. */
const PYTHON = `
import fcntl, json, os, pty, select, signal, struct, sys, termios
rows, columns, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
RESIZED = b"\\x00resized\\x00"
def size(fd, rows, columns): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
child, terminal = pty.fork()
if child == 0:
    size(0, rows, columns)
    os.execvp(program[0], program)
told = b""
# What was drawn for the size before must have come out before the new size holds: the rest of a frame follows at once.
def resize(rows, columns):
    while terminal in select.select([terminal], [], [], 0.1)[0]:
        try: os.write(1, os.read(terminal, 65536))
        except OSError: return
    os.write(1, RESIZED)
    size(terminal, rows, columns)
while True:
    ready, _, _ = select.select([terminal, 0], [], [])
    if terminal in ready:
        try: output = os.read(terminal, 65536)
        except OSError: output = b""
        if not output: break
        os.write(1, output)
    if 0 in ready:
        told += os.read(0, 65536)
        while b"\\n" in told:
            line, told = told.split(b"\\n", 1)
            order = json.loads(line)
            if "rows" in order: resize(order["rows"], order["columns"])
            else: os.write(terminal, order["keys"].encode())
_, status = os.waitpid(child, 0)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
`;

/** Said by the program above when a new size holds. */
const RESIZED = "\u0000resized\u0000";

export type Size = { rows: number; columns: number };

export type PseudoTerminal = {
  /** Everything that it was sent. */
  readonly sent: string;
  /** What it shows now. */
  screen(): TerminalState;
  /** Resolves as soon as it shows this. */
  shows(text: string | RegExp): Promise<void>;
  /** Resolves as soon as it was sent this, whatever it makes of it. */
  getsSent(text: string): Promise<void>;
  type(keys: string): void;
  resize(size: Size): void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
};

/** Runs flex-crew-sync on a terminal of its own, which ends with the test at the latest. */
export function startOnTerminal(args: string[], env: Env, size: Size): PseudoTerminal {
  return startProgramOnTerminal([process.execPath, MAIN, ...args], env, size);
}

export function startProgramOnTerminal(program: string[], env: Env, size: Size): PseudoTerminal {
  const { PATH, HOME } = process.env;
  const python = findProgram("python3") as string;
  const child = spawn(python, ["-c", PYTHON, String(size.rows), String(size.columns), ...program], {
    env: { PATH, HOME, TERM: "xterm-256color", LANG: "C.UTF-8", ...env } as NodeJS.ProcessEnv,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let sent = "";
  let now = size;
  let resizing = false;
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    sent += text;
    // Terminals redraw what they show in their own ways: only what comes after the new size is told about.
    const at = sent.lastIndexOf(RESIZED);
    if (at >= 0) {
      sent = sent.slice(at + RESIZED.length);
      resizing = false;
    }
    changed();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on("close", (code) => {
      resolve(code);
      changed();
    });
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const tell = (order: object) => void child.stdin.write(`${JSON.stringify(order)}\n`);
  const screen = () => screenOf(resizing ? "" : sent, now);
  const until = (isThere: () => boolean, what: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const listener = () => {
        if (isThere()) resolve();
        else if (child.exitCode === null && child.signalCode === null) return;
        else reject(new Error(`it ended and never showed ${what}:\n${sent}`));
        listeners.delete(listener);
      };
      listeners.add(listener);
      listener();
    });
  return {
    get sent() {
      return sent;
    },
    screen,
    shows: (what) =>
      until(() => (typeof what === "string" ? screen().text.includes(what) : what.test(screen().text)), what),
    getsSent: (what) => until(() => sent.includes(what), what),
    type: (keys) => tell({ keys }),
    resize(to) {
      now = to;
      resizing = true;
      tell(to);
    },
    ended,
  };
}
