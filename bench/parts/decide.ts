import { pgbenchVersion } from "../harness/machine.ts";
import { type Figure, figure, type Part, type PartContext } from "../harness/part.ts";
import type { Plot } from "../harness/plot.ts";
import { settle } from "../harness/postgres.ts";
import { fillSeason } from "../harness/season.ts";
import { spreadOf } from "../harness/statistics.ts";
import { type CallTimes, type Todo, timeCalls } from "./decide/calls.ts";
import { initialiseTpcB, runPgbench, scriptFile } from "./decide/pgbench.ts";

const SIZES = [5, 40, 400, 2_000];
const TODOS: Todo[] = ["nothing", "everything"];
const TARGETS_MS: Record<number, number> = { 40: 3, 400: 15 };

/** How long an app waits for a plan, and how many apps at once. */
export const decide: Part = {
  name: "decide",
  measures:
    "sync_crew_call for crews of 5 to 2,000, and calls per second from 1 to 32 connections beside pgbench's TPC-B",
  async run(context) {
    const one = await oneConnection(context);
    const many = await manyConnections(context);
    return {
      figures: [...one.figures, ...many.figures],
      checked: ["every plan kept or added exactly the people that it should"],
      notes: [
        "each call is the first one for its crew call; everybody has a role; with the commit is what an app waits for",
        ...many.notes,
      ],
      plots: [one.plot, ...many.plots],
    };
  },
};

async function oneConnection({
  server,
  quick,
  tell,
}: PartContext): Promise<{ figures: Figure[]; plot: Plot }> {
  const rounds = quick ? 1 : 5;
  const times = new Map<string, CallTimes>();
  for (const people of SIZES) {
    for (const todo of TODOS) {
      const calls = Math.max(quick ? 1 : 2, Math.min(quick ? 10 : 40, Math.round(4_000 / people)));
      tell(`${people} people, ${todo} to do`);
      times.set(`${people} ${todo}`, await timeCalls(server, { people, todo, rounds, calls }));
    }
  }
  const of = (people: number, todo: Todo) => times.get(`${people} ${todo}`) as CallTimes;
  const figures = TODOS.flatMap((todo) =>
    SIZES.flatMap((people) => {
      const { statement, committed } = of(people, todo);
      const target = TARGETS_MS[people] ? { at_most: TARGETS_MS[people] } : undefined;
      return [
        figure(`${people} people, ${todo} to do`, "ms", committed, target),
        figure(`${people} people, ${todo} to do, without the commit`, "ms", statement),
      ];
    }),
  );
  const lines = TODOS.map((todo) => ({
    label: `${todo} to do`,
    points: SIZES.map((people) => ({ x: people, ...spreadOf(of(people, todo).committed) })),
  }));
  const plot: Plot = {
    name: "decide",
    title: "One call of sync_crew_call, with its commit",
    unit: "ms",
    kind: "lines",
    x: "people in the crew call",
    lines,
  };
  return { figures, plot };
}

async function manyConnections({
  server,
  quick,
  tell,
}: PartContext): Promise<{ figures: Figure[]; plots: Plot[]; notes: string[] }> {
  if (pgbenchVersion() === null) {
    return {
      figures: [],
      plots: [],
      notes: ["**not measured**: calls per second, since `pgbench` is not installed"],
    };
  }
  const clients = quick ? [1, 8, 32] : [1, 4, 16, 32];
  const [rounds, seconds, scale, each] = quick ? [1, 5, 10, 10] : [3, 12, 50, 100];
  const ours = await server.createDatabase();
  const tpcB = await server.createDatabase("empty");
  tell(`filling, and pgbench -i -s ${scale}`);
  await fillSeason(ours.sql, { crewCalls: 32 * each, peoplePerCrewCall: 40, operations: 0 });
  initialiseTpcB(tpcB.url, scale);
  await settle(ours.sql);
  await settle(tpcB.sql);
  const script = scriptFile(`\\set number :client_id * ${each} + random(1, ${each})
select sync_crew_call(('50000000-0000-4000-8000-' || lpad(:number::text, 12, '0'))::uuid);
`);
  const rates = clients.map((count) => ({ count, ours: [] as number[], tpcB: [] as number[] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const rate of rates) {
      rate.ours.push(await runPgbench(ours.url, { clients: rate.count, seconds, script }));
      rate.tpcB.push(await runPgbench(tpcB.url, { clients: rate.count, seconds }));
      tell(
        `round ${round + 1}, ${rate.count} connections: ${Math.round(rate.ours.at(-1) ?? 0)} calls, ${Math.round(rate.tpcB.at(-1) ?? 0)} TPC-B per second`,
      );
    }
  }
  await ours.drop();
  await tpcB.drop();
  const figures = rates.flatMap(({ count, ours: calls, tpcB: transactions }) => [
    figure(`${count} connections: sync_crew_call`, "per second", calls),
    figure(`${count} connections: TPC-B`, "per second", transactions),
    figure(
      `${count} connections: sync_crew_call, times TPC-B`,
      "×",
      calls.map((rate, round) => rate / (transactions[round] as number)),
      count === 32 ? { at_least: 0.5 } : undefined,
    ),
  ]);
  const lines = (["ours", "tpcB"] as const).map((which) => ({
    label: which === "ours" ? "sync_crew_call" : "TPC-B",
    points: rates.map((rate) => ({ x: rate.count, ...spreadOf(rate[which]) })),
  }));
  return {
    figures,
    plots: [
      {
        name: "decide-connections",
        title: "Calls per second, 40 people and nothing to do",
        unit: "per second",
        kind: "lines",
        x: "connections",
        lines,
        log: false,
      },
    ],
    notes: [
      `pgbench runs both for ${seconds} s at a time, prepared; TPC-B has scale ${scale}; each connection has ${each} crew calls of its own, and later calls join the sync that the first one began`,
    ],
  };
}
