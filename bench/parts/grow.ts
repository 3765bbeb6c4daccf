import postgres from "postgres";
import { type FastFlex, startFastFlex } from "../harness/fast-flex.ts";
import { type Figure, figure, type Part, type PartContext } from "../harness/part.ts";
import type { BenchDatabase } from "../harness/postgres.ts";
import { median, now, spreadOf } from "../harness/statistics.ts";
import {
  drain,
  type Effort,
  fillQueue,
  METRICS,
  type Metric,
  measureIn,
  type Values,
} from "./grow/measure.ts";
import { makeState, type State, statesOf } from "./grow/states.ts";

const ALL = Object.keys(METRICS) as Metric[];

/** Whether anything becomes slower as it fills up. */
export const grow: Part = {
  name: "grow",
  measures:
    "the same with up to 1,000,000 finished and 100,000 pending operations, 50,000 crew calls, and a transaction held open",
  async run(context) {
    const effort = context.quick ? { rounds: 1, calls: 8, adds: 200 } : { rounds: 3, calls: 30, adds: 2_000 };
    const flex = await startFastFlex();
    const [smallest, ...larger] = statesOf(context.quick);
    const base = await measureState(context, flex, smallest, effort);
    const measured: { state: State; values: Values }[] = [];
    for (const state of larger)
      measured.push({ state, values: await measureState(context, flex, state, effort) });
    await flex.stop();

    const times = (state: Values, metric: Metric) =>
      state[metric].map((value) => value / median(base[metric]));
    const compared = measured.flatMap(({ state, values }) =>
      ALL.map((metric) => ({
        name: `${METRICS[metric]}: ${state.name}`,
        state,
        values: times(values, metric),
      })),
    );
    const figures: Figure[] = [
      ...ALL.map((metric) => figure(`${METRICS[metric]}: ${smallest.name}`, "ms", base[metric])),
      ...compared.map(({ name, state, values }) =>
        figure(`${name}`, "× that", values, state.atMost ? { at_most: state.atMost } : undefined),
      ),
    ];
    return {
      figures,
      checked: ["every plan, claim and drained operation was the expected one"],
      notes: [
        "the first rows are milliseconds, the others say how many times as long the same takes in a fuller database",
        "asking and claiming are timed without a commit and rolled back; an operation is the time between two requests at the server while one daemon drains, 24 at once",
        "a transaction is open (repeatable read, with a snapshot) while daemons drain, and stays open while all is measured",
      ],
      plots: [
        {
          name: "grow",
          title: "How many times as long, in a fuller database",
          unit: "×",
          kind: "bars",
          bars: compared.map(({ state, values }, index) => ({
            label: `${ALL[index % ALL.length]}: ${state.name}`,
            ...spreadOf(values),
          })),
          mark: { label: "1: no slower", at: 1 },
        },
      ],
    };
  },
};

async function measureState(
  { server, tell }: PartContext,
  flex: FastFlex,
  state: State,
  effort: Effort,
): Promise<Values> {
  tell(state.name);
  const database = await makeState(server, state);
  let from = 1;
  const held = postgres(database.url, { max: 1, onnotice: () => {} });
  if (state.heldMs > 0) {
    await held.unsafe("begin isolation level repeatable read");
    await held.unsafe("select count(*) from flex_sync.settings");
    from = await workFor(database, flex, state.heldMs, effort);
  }
  const values = await measureIn(database, flex, effort, { from, refill: state.pending === 0 });
  if (state.heldMs > 0) await held.unsafe("commit");
  await held.end();
  await database.drop();
  return values;
}

/** Let a daemon drain for so long. @returns the next free number of a crew call */
async function workFor(
  database: BenchDatabase,
  flex: FastFlex,
  ms: number,
  { adds }: Effort,
): Promise<number> {
  const began = now();
  let from = 1;
  while (now() - began < ms) {
    from = await fillQueue(database.sql, from, adds);
    await drain(database, flex, adds);
  }
  return from;
}
