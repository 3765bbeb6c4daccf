import { liftLimits, makeCrewCalls, queueAdds } from "../../harness/crew-calls.ts";
import { type BenchDatabase, type BenchServer, settle } from "../../harness/postgres.ts";
import { fillSeason } from "../../harness/season.ts";

/** How full a database is when the same things are measured in it. */
export type State = {
  name: string;
  crewCalls: number;
  finished: number;
  pending: number;
  /** How long a transaction has been open while work went on, milliseconds. */
  heldMs: number;
  /** How many operations went on meanwhile; as many as could where nothing is said. */
  heldOperations?: number;
  /** How much worse than the smallest state a figure may be. */
  atMost?: number;
};

/** The crew calls that are asked for, each with 40 people, all of them there. */
export const MEASURED = 1_000;
/** New crew calls that make a queue have numbers from here; those that are measured come before. */
const WAITING_FROM = 100_001;
const WAITING_PEOPLE = 40;
/** What a monthly limit of 100,000 allows in an hour. */
const HOURLY_QUOTA = 2_000;

export function statesOf(quick: boolean): [smallest: State, ...larger: State[]] {
  const smallest = { crewCalls: MEASURED, finished: 0, pending: 0, heldMs: 0 };
  const [some, many, crewCalls, pending, heldMs, heldOperations] = quick
    ? [5_000, 20_000, 3_000, 2_000, 5_000, 200]
    : [100_000, 1_000_000, 50_000, 100_000, 60_000, HOURLY_QUOTA];
  const count = (number: number) => number.toLocaleString("en");
  return [
    { ...smallest, name: `${count(MEASURED)} crew calls, nothing else` },
    { ...smallest, name: `${count(some)} finished operations`, finished: some, atMost: 1.3 },
    { ...smallest, name: `${count(many)} finished operations`, finished: many, atMost: 1.3 },
    { ...smallest, name: `${count(crewCalls)} crew calls`, crewCalls, atMost: 1.3 },
    { ...smallest, name: `${count(pending)} pending operations`, pending, atMost: 1.5 },
    {
      ...smallest,
      name: `a transaction open for ${heldMs / 1_000} s, ${count(heldOperations)} operations meanwhile`,
      heldMs,
      heldOperations,
      atMost: 2,
    },
    {
      ...smallest,
      name: `a transaction open for ${heldMs / 1_000} s of work without quotas`,
      heldMs,
      atMost: 2,
    },
  ];
}

export async function makeState(server: BenchServer, state: State): Promise<BenchDatabase> {
  const database = await server.createDatabase();
  const { sql } = database;
  await liftLimits(sql);
  await fillSeason(sql, { crewCalls: MEASURED, peoplePerCrewCall: 40, operations: state.finished });
  const others = state.crewCalls - MEASURED;
  if (others > 0)
    await fillSeason(sql, { from: MEASURED + 1, crewCalls: others, peoplePerCrewCall: 4, operations: 0 });
  if (state.pending > 0) {
    const waiting = { from: WAITING_FROM, count: state.pending / WAITING_PEOPLE, people: WAITING_PEOPLE };
    await makeCrewCalls(sql, waiting);
    await settle(sql);
    await queueAdds(sql, waiting);
  }
  await settle(sql);
  return database;
}
