import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { crewCallOf, liftLimits, makeCrewCalls } from "../harness/crew-calls.ts";
import { type FastFlex, startFastFlex } from "../harness/fast-flex.ts";
import { check, figure, type Part } from "../harness/part.ts";
import { type BenchServer, settle } from "../harness/postgres.ts";
import { startDaemons } from "../harness/processes.ts";
import { now, quantile, spreadOf } from "../harness/statistics.ts";

type Round = { p50: number; p95: number; p99: number };
const PERCENTILES = ["p50", "p95", "p99"] as const;
const TARGETS: Partial<Record<(typeof PERCENTILES)[number], number>> = { p50: 5, p95: 15 };

/** How soon after the commit of a request Flex hears of it. */
export const wake: Part = {
  name: "wake",
  measures:
    "from the commit of sync_crew_call to the first byte of the reading's request, with LISTEN and with polling",
  async run({ server, quick, tell }) {
    const rounds = quick ? 1 : 3;
    const listening = await measure(server, { listen: true, rounds, requests: quick ? 80 : 400 });
    tell("with LISTEN done, now by polling");
    const polling = await measure(server, { listen: false, rounds, requests: quick ? 15 : 30 });
    const of = (all: Round[], percentile: keyof Round) => all.map((round) => round[percentile]);
    return {
      figures: [
        ...PERCENTILES.map((percentile) => {
          const target = TARGETS[percentile];
          return figure(
            `LISTEN, ${percentile}`,
            "ms",
            of(listening, percentile),
            target ? { at_most: target } : undefined,
          );
        }),
        ...PERCENTILES.map((percentile) => figure(`polling, ${percentile}`, "ms", of(polling, percentile))),
      ],
      checked: ["each request led to exactly one HTTP call, and was synced"],
      notes: [
        "the clock starts when the app sends `commit`, so the commit itself is in it, and stops at the first byte in the server's process",
        "polling is what remains where notifications do not arrive: the daemon looks every second",
      ],
      plots: [
        {
          name: "wake",
          title: "From commit to the first byte at Flex, with LISTEN",
          unit: "ms",
          kind: "bars",
          bars: PERCENTILES.map((percentile) => ({
            label: percentile,
            ...spreadOf(of(listening, percentile)),
          })),
        },
      ],
    };
  },
};

async function measure(
  server: BenchServer,
  { listen, rounds, requests }: { listen: boolean; rounds: number; requests: number },
): Promise<Round[]> {
  const database = await server.createDatabase();
  const flex = await startFastFlex();
  await liftLimits(database.sql);
  // Nobody is on them: a sync is one reading.
  const warm = 10;
  const count = rounds * requests + warm;
  await makeCrewCalls(database.sql, { count, people: 0 });
  await settle(database.sql);
  const [daemon] = await startDaemons(1, { databaseUrl: database.url, flexBaseUrl: flex.baseUrl, listen });
  const client = postgres(database.url, { max: 1, onnotice: () => {} });
  const times: number[] = [];
  for (let number = 1; number <= count; number += 1) {
    times.push(await timeOne(client, flex, number));
    // The daemon goes back to sleep, for times that do not fall in step with its own.
    await sleep(listen ? 40 + Math.random() * 20 : Math.random() * 1_000);
  }
  await untilSynced(client, count);
  check((await flex.count()) === count, `${await flex.count()} HTTP calls for ${count} requests`);
  await client.end();
  await daemon?.stop();
  await flex.stop();
  await database.drop();
  return Array.from({ length: rounds }, (_, round) => {
    const of = times.slice(warm + round * requests, warm + (round + 1) * requests);
    return { p50: quantile(of, 0.5), p95: quantile(of, 0.95), p99: quantile(of, 0.99) };
  });
}

async function untilSynced(client: postgres.Sql, count: number): Promise<void> {
  for (let looks = 0; looks < 100; looks += 1) {
    const [row] = await client<[{ synced: number }]>`
      select count(*)::int as synced from flex_sync.syncs where outcome = 'synced'`;
    if (row.synced === count) return;
    await sleep(100);
  }
  check(false, `not all of ${count} requests are synced ten seconds after the last`);
}

async function timeOne(client: postgres.Sql, flex: FastFlex, number: number): Promise<number> {
  let committed = 0;
  await client.begin(async (tx) => {
    await tx`select sync_crew_call(${crewCallOf(number)})`;
    committed = now();
  });
  const [arrived = Number.NaN] = await flex.arrived(number, [number - 1]);
  return arrived - committed;
}
