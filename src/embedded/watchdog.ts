import { type ChildProcess, spawn } from "node:child_process";

/**
 * A shell that outlives us for a moment: once its standard input ends, because we told it or because this process
 * is gone in whatever way, SIGKILL too, it stops the server whose pid it heard last and deletes the folders.
 */
const SCRIPT = `
pid=-
while read -r line; do pid=$line; done
if [ "$pid" != - ]; then
  kill -s "$1" "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then kill -s KILL "$pid" 2>/dev/null; break; fi
    sleep 0.1
  done
fi
shift
rm -rf "$@"
`;

export interface Watchdog {
  /** The server to stop when we are gone; undefined while none runs. */
  watch(pid: number | undefined): void;
  /** Nothing is left to watch: delete the folders and end. */
  end(): Promise<void>;
}

/**
 * @param signal what stops the server: QUIT at once, INT in order
 * @param folders what to delete afterwards
 */
export function startWatchdog(signal: "INT" | "QUIT", folders: string[]): Watchdog {
  // In a session of its own, so that a Ctrl-C in the terminal does not reach it.
  const shell: ChildProcess = spawn("/bin/sh", ["-c", SCRIPT, "watchdog", signal, ...folders], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = new Promise<void>((resolve) => {
    shell.once("exit", () => resolve());
    shell.once("error", () => resolve());
  });
  shell.unref();
  (shell.stdin as unknown as { unref?(): void } | null)?.unref?.();
  shell.stdin?.on("error", () => {});
  return {
    watch: (pid) => {
      shell.stdin?.write(`${pid ?? "-"}\n`);
    },
    end: () => {
      shell.ref();
      shell.stdin?.end("-\n");
      return ended;
    },
  };
}
