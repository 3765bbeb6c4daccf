import { messageOf } from "../../drainer/database-error.ts";
import { createWakeUp } from "../../drainer/wake-up.ts";
import { type Cli, writeLines } from "../cli.ts";
import { withoutSecrets } from "../secrets.ts";
import { duration } from "../terminal/age.ts";
import { paint } from "../terminal/paint.ts";
import { enterScreen, type Screen } from "../terminal/screen.ts";
import { printable } from "../terminal/text.ts";
import { fittingView, type View, wholeView } from "./view.ts";

/** Something that is looked at again and again. */
export type Watched<Seen extends { at: string }> = {
  look(): Promise<Seen>;
  view(seen: Seen, now: Date): View;
  /** Differs when something happened, not when time has passed. */
  key(seen: Seen): string;
};

/** How often the database is asked; a slow one less often, so that looking is never most of what it does. */
const LOOK_EVERY_MS = 2_000;
const SLOWNESS = 4;
/** Ages tick. */
const DRAW_EVERY_MS = 1_000;
/** Without an answer for so long the database counts as away. */
const ANSWER_WITHIN_MS = 5_000;

/** Shows something until the signal: live in a terminal, elsewhere anew whenever it has changed. */
export async function watch<Seen extends { at: string }>(cli: Cli, watched: Watched<Seen>): Promise<void> {
  const signal = cli.stopSignal();
  const wakeUp = createWakeUp();
  // A first look that fails is an error like any other, and told on the screen that stays.
  const sight = createSight(watched, await watched.look(), wakeUp.wake, (error) =>
    withoutSecrets(messageOf(error), cli.env),
  );
  if (signal.aborted) return;
  const screen = cli.stdout.isTTY === true ? enterScreen(cli.stdout, wakeUp.wake) : undefined;
  const stop = () => {
    screen?.leave();
    wakeUp.wake();
  };
  signal.addEventListener("abort", stop, { once: true });
  const tell = screen ? () => draw(cli, screen, watched, sight) : createTeller(cli, watched, sight);
  try {
    while (!signal.aborted) {
      sight.lookIfDue();
      tell();
      await wakeUp.sleep(DRAW_EVERY_MS);
    }
  } finally {
    screen?.leave();
  }
}

type Sight<Seen> = {
  seen(): Seen;
  /** What the database's clock shows now, as far as ours can tell. */
  now(): Date;
  /** Why the database cannot be asked, and for how many seconds now. */
  lost(): { reason: string; seconds: number } | undefined;
  lookIfDue(): void;
};

function createSight<Seen extends { at: string }>(
  { look }: Watched<Seen>,
  first: Seen,
  changed: () => void,
  inWords: (error: unknown) => string,
): Sight<Seen> {
  let seen = first;
  let seenAt = performance.now();
  let asked: number | undefined;
  let dueAt = seenAt + LOOK_EVERY_MS;
  let failure: string | undefined;
  const silent = () => asked !== undefined && performance.now() - asked > ANSWER_WITHIN_MS;
  return {
    seen: () => seen,
    now: () => new Date(new Date(seen.at).getTime() + performance.now() - seenAt),
    lost() {
      const reason = failure ?? (silent() ? "no answer" : undefined);
      return reason === undefined ? undefined : { reason, seconds: (performance.now() - seenAt) / 1_000 };
    },
    lookIfDue() {
      const began = performance.now();
      if (asked !== undefined || began < dueAt) return;
      asked = began;
      look()
        .then(
          (found) => {
            seen = found;
            seenAt = performance.now();
            failure = undefined;
          },
          (error: unknown) => {
            failure = inWords(error);
          },
        )
        .finally(() => {
          const took = performance.now() - began;
          asked = undefined;
          dueAt = began + Math.max(LOOK_EVERY_MS, took * SLOWNESS);
          changed();
        });
    },
  };
}

function draw<Seen extends { at: string }>(
  cli: Cli,
  screen: Screen,
  watched: Watched<Seen>,
  sight: Sight<Seen>,
): void {
  const colour = paint(cli.stdout, cli.env);
  const size = screen.size();
  const now = sight.now();
  const lost = sight.lost();
  const view = watched.view(sight.seen(), now);
  const banner = lost
    ? colour.red(
        `The database does not answer, trying again (${printable(lost.reason)}). This is from ${duration(lost.seconds)} ago:`,
      )
    : colour.dim(`${now.toISOString().slice(11, 19)} UTC, Ctrl-C ends`);
  screen.draw(fittingView({ ...view, head: [banner, ...view.head] }, size));
}

function createTeller<Seen extends { at: string }>(
  cli: Cli,
  watched: Watched<Seen>,
  sight: Sight<Seen>,
): () => void {
  let last: string | undefined;
  let away = false;
  return () => {
    const lost = sight.lost();
    if (lost) {
      if (!away)
        cli.stdout.write(`the database does not answer, trying again: ${printable(lost.reason)}\n\n`);
      away = true;
      return;
    }
    const key = watched.key(sight.seen());
    if (key === last && !away) return;
    away = false;
    last = key;
    const at = sight.now();
    writeLines(cli.stdout, [`at ${at.toISOString()}`, ...wholeView(watched.view(sight.seen(), at)), ""]);
  };
}
