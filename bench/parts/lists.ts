import postgres, { type Sql } from "postgres";
import { figure, type Part } from "../harness/part.ts";
import { settle } from "../harness/postgres.ts";
import { fillSeason, seasonCrewCallOf } from "../harness/season.ts";
import { median, now, spreadOf } from "../harness/statistics.ts";

const PEOPLE = 20;

/** How long somebody waits for one crew call, and for the first page of all of them. */
export const lists: Part = {
  name: "lists",
  measures:
    "crew_call_status and crew_status for one crew call and for the first page, with 50,000 crew calls",
  async run({ server, quick, tell }) {
    const crewCalls = quick ? 2_000 : 50_000;
    const [rounds, times] = quick ? [1, 15] : [5, 30];
    const database = await server.createDatabase();
    const season = { crewCalls, peoplePerCrewCall: PEOPLE, operations: crewCalls * PEOPLE };
    tell(`filling ${JSON.stringify(season)}`);
    await fillSeason(database.sql, season);
    await settle(database.sql);

    const anyone = () => seasonCrewCallOf(1 + Math.floor(Math.random() * crewCalls));
    const questions: Record<string, (sql: Sql) => Promise<readonly object[]>> = {
      "the state of one crew call": (sql) =>
        sql`select * from flex_sync.crew_call_status where crew_call_id = ${anyone()}`,
      "its people": (sql) => sql`select * from flex_sync.crew_status where crew_call_id = ${anyone()}`,
      "the first page of all": (sql) => sql`select * from flex_sync.crew_call_status limit 50`,
    };
    const targets: Record<string, { at_most: number }> = {
      "the state of one crew call": { at_most: 5 },
      "the first page of all": { at_most: 100 },
    };
    const rowsOf: Record<string, number> = { "its people": PEOPLE, "the first page of all": 50 };
    const sql = postgres(database.url, { max: 1, onnotice: () => {} });
    const waits = new Map<string, number[]>();
    for (const [name, ask] of Object.entries(questions)) {
      const values = [];
      for (let round = 0; round < rounds; round += 1)
        values.push(await askAgain(sql, ask, times, rowsOf[name] ?? 1));
      waits.set(name, values);
    }
    await sql.end();
    await database.drop();
    const size = `${crewCalls.toLocaleString("en")} crew calls`;
    return {
      figures: [...waits].map(([name, values]) => figure(`${name}, ${size}`, "ms", values, targets[name])),
      checked: ["each answer had the rows that it should"],
      notes: [
        `${(crewCalls * PEOPLE).toLocaleString("en")} assignments and as many finished operations; medians of ${times} questions a round, on one connection`,
      ],
      plots: [
        {
          name: "lists",
          title: `What somebody waits for, with ${size}`,
          unit: "ms",
          kind: "bars",
          bars: [...waits].map(([label, values]) => ({ label, ...spreadOf(values) })),
        },
      ],
    };
  },
};

/** The same question again and again, the first times left out. */
async function askAgain(
  sql: Sql,
  ask: (sql: Sql) => Promise<readonly object[]>,
  times: number,
  rows: number,
): Promise<number> {
  const waits: number[] = [];
  for (let time = -3; time < times; time += 1) {
    const began = now();
    const { length } = await ask(sql);
    if (time >= 0) waits.push(now() - began);
    if (length !== rows) throw new Error(`the measurement is void: ${length} rows instead of ${rows}`);
  }
  return median(waits);
}
