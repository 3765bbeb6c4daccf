import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { type FastFlex, startFastFlex } from "../harness/fast-flex.ts";
import { type Figure, figure, type Part, type PartContext } from "../harness/part.ts";
import type { BenchDatabase } from "../harness/postgres.ts";
import { now, spreadOf } from "../harness/statistics.ts";
import { drain, type Effort, fillQueue, METRICS, type Metric, measureOnce } from "./grow/measure.ts";
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
    const states = statesOf(context.quick);
    const grown: Grown[] = [];
    for (const state of states) grown.push(await growTo(context, flex, state, effort));
    // Round by round, so that whatever changes on the machine meets all of them alike.
    for (let round = 0; round < effort.rounds; round += 1) {
      context.tell(`round ${round + 1}`);
      for (const one of grown) await measureRound(one, flex, effort);
    }
    for (const one of grown) await one.end();
    await flex.stop();

    const [base, ...larger] = grown as [Grown, ...Grown[]];
    const compared = larger.flatMap(({ state, values }) =>
      ALL.map((metric) => ({
        name: `${METRICS[metric]}: ${state.name}`,
        state,
        values: values[metric].map((value, round) => value / (base.values[metric][round] as number)),
      })),
    );
    const figures: Figure[] = [
      ...ALL.map((metric) => figure(`${METRICS[metric]}: ${base.state.name}`, "ms", base.values[metric])),
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
        "a transaction is open (repeatable read, with a snapshot) while daemons drain, and stays open while all is measured; meanwhile as many operations are done as Flex's quotas allow in an hour, or as many as can be",
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

/** A database in a state, what was measured in it, and the next free number of a crew call. */
type Grown = {
  state: State;
  database: BenchDatabase;
  values: Record<Metric, number[]>;
  next: number;
  end(): Promise<void>;
};

async function growTo(
  { server, tell }: PartContext,
  flex: FastFlex,
  state: State,
  effort: Effort,
): Promise<Grown> {
  tell(state.name);
  const database = await makeState(server, state);
  const held = postgres(database.url, { max: 1, onnotice: () => {} });
  let next = 1;
  if (state.heldMs > 0) {
    await held.unsafe("begin isolation level repeatable read");
    await held.unsafe("select count(*) from flex_sync.settings");
    next = await workFor(database, flex, state, effort);
  }
  const values = { nothing: [], everything: [], claim: [], operation: [] };
  const end = async () => {
    await held.end();
    await database.drop();
  };
  return { state, database, values, next, end };
}

async function measureRound(grown: Grown, flex: FastFlex, effort: Effort): Promise<void> {
  const { database, state, values } = grown;
  const at = { from: grown.next, refill: state.pending === 0 };
  const measured = await measureOnce(database, flex, effort, at);
  grown.next = measured.next;
  for (const metric of ALL) values[metric].push(measured.values[metric]);
}

/** Let time pass, and daemons drain meanwhile. @returns the next free number of a crew call */
async function workFor(
  database: BenchDatabase,
  flex: FastFlex,
  { heldMs, heldOperations = Number.POSITIVE_INFINITY }: State,
  { adds }: Effort,
): Promise<number> {
  const began = now();
  let from = 1;
  for (let drained = 0; now() - began < heldMs && drained < heldOperations; drained += adds) {
    from = await fillQueue(database.sql, from, adds);
    await drain(database, flex, adds);
  }
  await sleep(Math.max(heldMs - (now() - began), 0));
  return from;
}
