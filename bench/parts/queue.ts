import { startFastFlex } from "../harness/fast-flex.ts";
import { figure, type Part } from "../harness/part.ts";
import { spreadOf } from "../harness/statistics.ts";
import { COMPETITORS, CONCURRENCY, compete, POOL } from "./queue/contest.ts";

const PROCESSES = [1, 2];

/** How many operations go through in a second, beside queues that do the same work. */
export const queue: Part = {
  name: "queue",
  measures:
    "operations per second through claim, HTTP call and record, beside graphile-worker, pg-boss and a bare loop",
  async run({ server, quick, tell }) {
    const tasks = quick ? 600 : 4_000;
    const rounds = quick ? 1 : 5;
    const flex = await startFastFlex();
    const rates = new Map<string, number[]>();
    // Round by round, so that whatever changes on the machine meets all of them alike.
    for (let round = 0; round < rounds; round += 1) {
      for (const processes of PROCESSES) {
        for (const competitor of COMPETITORS) {
          const rate = await compete(competitor, processes, { server, flex, tasks });
          tell(`round ${round + 1}, ${processes} × ${competitor.name}: ${Math.round(rate)} per second`);
          const key = keyOf(competitor.name, processes);
          rates.set(key, [...(rates.get(key) ?? []), rate]);
        }
      }
    }
    await flex.stop();
    const of = (name: string, processes: number) => rates.get(keyOf(name, processes)) ?? [];
    const ratio = (to: string, processes: number) =>
      of("flex-crew-sync", processes).map((rate, round) => rate / (of(to, processes)[round] as number));
    return {
      figures: PROCESSES.flatMap((processes) => [
        ...COMPETITORS.map(({ name }) => {
          const target = name === "flex-crew-sync" ? { at_least: 1_000 } : undefined;
          return figure(keyOf(name, processes), "per second", of(name, processes), target);
        }),
        ...["graphile-worker", "pg-boss"].map((peer) =>
          figure(`${processes} × flex-crew-sync, times ${peer} unbatched`, "×", ratio(peer, processes), {
            at_least: 1.5,
          }),
        ),
        figure(`${processes} × flex-crew-sync, times the bare loop`, "×", ratio("bare loop", processes), {
          at_least: 0.5,
        }),
      ]),
      checked: [
        `each made exactly ${tasks} HTTP calls, one for each task`,
        `each wrote all ${tasks} rows, and its queue was empty afterwards`,
      ],
      notes: [
        `${CONCURRENCY} HTTP calls at once over all processes and ${POOL} connections to Postgres in each, for everybody; every commit waits for the disk (\`synchronous_commit = on\`)`,
        "the rate is that of the requests' arrival at the server, between the first tenth and the last twentieth of them",
        "flex-crew-sync: quotas lifted, `element_concurrency` 4 as always, 20 people in a crew call, readings made before; it counts each call, leases it, writes its ledger and the sync's end",
        "graphile-worker: `concurrentJobs`, prepared statements; batched: `localQueue` of 200 and batched completion without delay",
        "pg-boss: `localConcurrency` with `burstWhenReadyExceeds`, so that it does not wait for its polling interval; batched: two workers with `batchSize` 100 and `burstWhenBatchFull`",
        "the bare loop: undici and one upsert with `postgres`, nothing remembered: a crash loses or repeats work",
      ],
      plots: [
        {
          name: "queue",
          title: "Operations per second, more is better",
          unit: "per s",
          kind: "bars",
          bars: PROCESSES.flatMap((processes) =>
            COMPETITORS.map(({ name }) => ({
              label: keyOf(name, processes),
              ...spreadOf(of(name, processes)),
            })),
          ),
          mark: { label: "target: 1,000", at: 1_000 },
        },
      ],
    };
  },
};

const keyOf = (name: string, processes: number) => `${processes} × ${name}`;
