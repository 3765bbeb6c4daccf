import { arch, cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import postgres, { type Sql } from "postgres";
import { applyCurrent } from "../db/scripts/apply-current.ts";
import { startEmbeddedPostgres } from "../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../src/migrate.ts";
import { fillSeason } from "./harness/season.ts";

// npm run bench:lists: how long somebody waits for one crew call and for the first page of all of them.

const { values } = parseArgs({
  options: {
    "crew-calls": { type: "string", default: "50000" },
    people: { type: "string", default: "20" },
    operations: { type: "string" },
    rounds: { type: "string", default: "50" },
  },
});
const crewCalls = Number(values["crew-calls"]);
const season = {
  crewCalls,
  peoplePerCrewCall: Number(values.people),
  operations: Number(values.operations ?? crewCalls * 20),
};
const rounds = Number(values.rounds);

await using server = await startEmbeddedPostgres({ params: { fsync: "off", shared_buffers: "512MB" } });
await migrate({ connectionString: server.url });
await applyCurrent(server.url);
const sql = postgres(server.url, { max: 1, onnotice: () => {} });
console.error(`filling ${JSON.stringify(season)}`);
await fillSeason(sql, season);

const anyCrewCall = () =>
  `50000000-0000-4000-8000-${String(1 + Math.floor(Math.random() * crewCalls)).padStart(12, "0")}`;
const result = {
  machine: `${cpus().length} x ${cpus()[0]?.model} (${arch()})`,
  node: process.version,
  postgres: server.version,
  ...season,
  one_crew_call_ms: await measure(
    sql,
    (tx) => tx`select * from flex_sync.crew_call_status where crew_call_id = ${anyCrewCall()}`,
  ),
  its_people_ms: await measure(
    sql,
    (tx) => tx`select * from flex_sync.crew_status where crew_call_id = ${anyCrewCall()}`,
  ),
  first_page_ms: await measure(sql, (tx) => tx`select * from flex_sync.crew_call_status limit 50`),
};
await sql.end();
console.log(JSON.stringify(result));

type Spread = { median: number; p5: number; p95: number };

/** The same question again and again on one connection, the first times left out. */
async function measure(on: Sql, ask: (sql: Sql) => Promise<unknown>): Promise<Spread> {
  const times: number[] = [];
  for (let round = -10; round < rounds; round += 1) {
    const began = performance.now();
    await ask(on);
    if (round >= 0) times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    Number((times[Math.floor(share * (times.length - 1))] ?? Number.NaN).toFixed(2));
  return { median: at(0.5), p5: at(0.05), p95: at(0.95) };
}
