/** What the command's end says. Everything that kept it from an answer is 2, as with grep and diff. */
export const EXIT = {
  /** Done, in sync, nothing found. */
  done: 0,
  /** Not in sync (people without a Flex id count), a check failed, an audit found something. */
  notInSync: 1,
  /** Wrong usage or configuration, an unknown id, a database that cannot be asked. */
  misuse: 2,
} as const;

export type ExitCode = 0 | 1 | 2 | 130 | 143;

/** The code of a command that a signal ended, as shells have it. */
export function exitCodeOfSignal(reason: unknown): ExitCode {
  return reason === "SIGTERM" ? 143 : 130;
}
