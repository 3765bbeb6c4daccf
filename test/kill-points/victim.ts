import type { Kind, Point } from "./points.ts";
import type { DrainerSettings } from "./watched-drainer.ts";

/** A drainer, and the point at which something happens to it. */
export type Doom = DrainerSettings & {
  point: Point;
  kind: Kind;
  nth: number;
  /** What a process sends itself there. Default: SIGKILL. */
  signal?: "SIGKILL" | "SIGSTOP";
};

/** A drainer to which something is going to happen. */
export type Victim = {
  /** Let it begin. */
  drain(doom: Doom): void;
  /** Do to it now what it does to itself at its own points. */
  strike(): void;
  /** Whether it was struck, or came to rest without having come by; an error if it failed in any other way. */
  ended: Promise<"struck" | "came to rest">;
  /** Whether it is dead, whatever it was. */
  stop(): Promise<void>;
};
