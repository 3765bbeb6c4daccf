import type { Task } from "./task.ts";
import { taskOf } from "./task.ts";

/** What the measurement tells a peer's process. */
export type PeerEnv = {
  DATABASE_URL: string;
  FLEX_BASE_URL: string;
  /** Tasks in all, and how many of them share a crew call. */
  TASKS: string;
  PEOPLE: string;
  /** HTTP calls at once in this process, and connections to Postgres. */
  CONCURRENCY: string;
  POOL: string;
  BATCHED: "yes" | "no";
  /** This process among so many, from 0. */
  INDEX: string;
  PROCESSES: string;
};

export type PeerSettings = {
  databaseUrl: string;
  flexBaseUrl: string;
  concurrency: number;
  pool: number;
  batched: boolean;
  tasks: Task[];
  index: number;
  processes: number;
};

/** Does what it is told: `fill` once, in one of the processes, and `go` in all of them. It ends with whoever told it. */
export function servePeer(peer: {
  fill(settings: PeerSettings): Promise<void>;
  go(settings: PeerSettings): Promise<void>;
}): void {
  const env = process.env as unknown as PeerEnv;
  const settings: PeerSettings = {
    databaseUrl: env.DATABASE_URL,
    flexBaseUrl: env.FLEX_BASE_URL,
    concurrency: Number(env.CONCURRENCY),
    pool: Number(env.POOL),
    batched: env.BATCHED === "yes",
    tasks: Array.from({ length: Number(env.TASKS) }, (_, number) => taskOf(number, Number(env.PEOPLE))),
    index: Number(env.INDEX),
    processes: Number(env.PROCESSES),
  };
  process.on("message", (word: "fill" | "go") => {
    peer[word](settings).then(
      () => process.send?.(word),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit());
}
