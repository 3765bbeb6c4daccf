import postgres, { type Sql } from "postgres";
import type { CrewCallPlan } from "../../../src/rows.ts";
import { crewCallOf, makeCrewCalls } from "../../harness/crew-calls.ts";
import { check } from "../../harness/part.ts";
import { type BenchServer, settle } from "../../harness/postgres.ts";
import { fillSeason, seasonCrewCallOf } from "../../harness/season.ts";
import { median, now } from "../../harness/statistics.ts";

/** Whether Flex already shows everybody, or nobody. */
export type Todo = "nothing" | "everything";

/** Medians of rounds, milliseconds: the statement itself, and with its durable commit as an app waits for it. */
export type CallTimes = { statement: number[]; committed: number[] };

/** Ask for syncs of crew calls that nobody asked for before, one after the other on one connection, beside a season of others. */
export async function timeCalls(
  server: BenchServer,
  { people, todo, rounds, calls }: { people: number; todo: Todo; rounds: number; calls: number },
): Promise<CallTimes> {
  const database = await server.createDatabase();
  // Half of them are timed without their commit, and a few warm the connection up.
  const warm = people > 100 ? 1 : 5;
  const count = rounds * calls * 2 + warm;
  if (todo === "nothing") {
    await fillSeason(database.sql, { crewCalls: count, peoplePerCrewCall: people, operations: 0 });
  } else {
    // Statistics of empty tables are nobody's: an app that plans a crew has planned some before.
    await fillSeason(database.sql, {
      from: count + 1,
      crewCalls: 500,
      peoplePerCrewCall: 20,
      operations: 20_000,
    });
    await makeCrewCalls(database.sql, { count, people, roles: true });
  }
  await settle(database.sql);
  const times = await askInRounds(database.url, todo, { people, rounds, calls, warm });
  await database.drop();
  return times;
}

async function askInRounds(
  url: string,
  todo: Todo,
  { people, rounds, calls, warm }: { people: number; rounds: number; calls: number; warm: number },
): Promise<CallTimes> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  let number = 0;
  const next = () => (todo === "nothing" ? seasonCrewCallOf(++number) : crewCallOf(++number));
  for (let turn = 0; turn < warm; turn += 1) await askFor(sql, next(), todo, people);
  const times: CallTimes = { statement: [], committed: [] };
  for (let round = 0; round < rounds; round += 1) {
    const statement: number[] = [];
    const committed: number[] = [];
    for (let call = 0; call < calls; call += 1) {
      committed.push(await askFor(sql, next(), todo, people));
      statement.push(await sql.begin((tx) => askFor(tx as unknown as Sql, next(), todo, people)));
    }
    times.statement.push(median(statement));
    times.committed.push(median(committed));
  }
  await sql.end();
  return times;
}

/** One call, and whether its answer is the right one. @returns milliseconds */
export async function askFor(sql: Sql, crewCall: string, todo: Todo, people: number): Promise<number> {
  const began = now();
  const [row] = await sql<[{ plan: CrewCallPlan }]>`select sync_crew_call(${crewCall}) as plan`;
  const ms = now() - began;
  const { to_add, kept } = row.plan;
  const right = todo === "nothing" ? kept === people && to_add.length === 0 : to_add.length === people;
  check(right, `with ${todo} to do for ${people} people, ${kept} are kept and ${to_add.length} to be added`);
  return ms;
}
