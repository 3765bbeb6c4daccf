import type { Dispatcher } from "undici";
import { createDrainer, type Drainer } from "../../src/drainer/drainer.ts";
import { silentLog } from "../../src/drainer/log.ts";
import { createQueue, type QueryValue } from "../../src/drainer/queue.ts";
import { createFlexCaller } from "../../src/flex-caller.ts";
import type { Sleeper } from "./exchange.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const TIMEOUT_MS = 15_000;
const REST_MS = 1_000;

/** A statement that a drainer waits for: whoever orders things decides when it runs, or that it never does. */
export type Statement = {
  text: TemplateStringsArray;
  values: QueryValue[];
  answer(rows: readonly object[]): void;
  refuse(error: unknown): void;
};

/** The daemon's own TypeScript, with everything that it waits for in somebody else's hands. */
export type ModelDrainer = Sleeper & {
  drainer: Drainer;
  statements: Statement[];
  stepping: boolean;
  /** Until when it sleeps because there was nothing to do. */
  restsUntil: number;
  emptySteps: number;
  skewMs: number;
  beginStep(): void;
  wake(): void;
};

export function makeDrainer(
  name: string,
  time: VirtualTime,
  dispatcherFor: (drainer: Sleeper) => Dispatcher,
): ModelDrainer {
  const postponed: (() => void)[] = [];
  const made: Omit<ModelDrainer, "drainer"> & { drainer?: Drainer } = {
    dead: false,
    frozen: false,
    statements: [],
    stepping: false,
    restsUntil: 0,
    emptySteps: 0,
    skewMs: 0,
    whenAwake: (act) => postponed.push(act),
    wake() {
      made.frozen = false;
      for (const act of postponed.splice(0)) act();
    },
    beginStep() {
      made.stepping = true;
      const end = (claimed: number) => {
        made.stepping = false;
        made.emptySteps = claimed === 0 ? made.emptySteps + 1 : 0;
        if (claimed === 0) made.restsUntil = time.now() + REST_MS;
      };
      made.drainer?.step().then(
        ({ claimed, tidied }) => end(claimed + tidied),
        () => end(0),
      );
    },
  };
  const query = (text: TemplateStringsArray, ...values: QueryValue[]) =>
    new Promise<readonly object[]>((answer, refuse) => {
      made.statements.push({ text, values, answer, refuse });
    });
  made.drainer = createDrainer({
    queue: createQueue(query, name, TIMEOUT_MS),
    caller: createFlexCaller({
      baseUrl: "http://127.0.0.1:9/f5/api",
      token: "token-of-the-model",
      timeoutMs: TIMEOUT_MS,
      dispatcher: dispatcherFor(made),
      now: time.now,
    }),
    wakeUp: {
      wake() {
        made.restsUntil = 0;
        made.emptySteps = 0;
      },
      sleep: async () => {},
    },
    log: silentLog,
    timeoutMs: TIMEOUT_MS,
    clocks: { monotonic: time.now, wall: () => time.now() + made.skewMs },
  });
  return made as ModelDrainer;
}
