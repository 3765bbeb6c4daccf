import { startSimulator } from "../../src/simulator/simulator.ts";
import { type Figure, figure, type Part } from "../harness/part.ts";
import type { Plot } from "../harness/plot.ts";
import { startDaemons } from "../harness/processes.ts";
import { median, spreadOf } from "../harness/statistics.ts";
import { asTheAuditedFunction, LIST_ATTEMPTS, readingAfterEachAdd } from "../peers/one-at-a-time.ts";
import { callsOf, hearOfFinished, peerOnce, type Size, syncOnce } from "./crew/sync-once.ts";

const AT_ONCE = 4;
const LATENCY_MS = 150;
const SIZES: Size[] = [
  ...[5, 40, 200].map((people) => ({ people, latencyMs: LATENCY_MS })),
  ...[50, 400].map((latencyMs) => ({ people: 40, latencyMs })),
];
const leastSeconds = ({ people, latencyMs }: Size) => ((1 + (2 * people) / AT_ONCE) * latencyMs) / 1_000;

/** How long a whole crew takes to appear in Flex, beside callers that make one call at a time. */
export const crew: Part = {
  name: "crew",
  measures: "from sync_crew_call to synced, and the Flex calls that it takes, for crews of 5, 40 and 200",
  async run({ server, quick, tell }) {
    const sizes = quick
      ? SIZES.filter(({ people, latencyMs }) => people <= 40 && latencyMs <= LATENCY_MS)
      : SIZES;
    const repetitions = quick ? 2 : 5;
    const peerRepetitions = quick ? 1 : 3;
    const database = await server.createDatabase();
    const flex = await startSimulator({ limits: false, token: "of-the-bench" });
    await database.sql`update flex_sync.settings set monthly_limit = 2000000000`;
    const [daemon] = await startDaemons(1, { databaseUrl: database.url, flexBaseUrl: flex.baseUrl });
    const stage = { sql: database.sql, flex, next: 1, finished: await hearOfFinished(database.sql) };
    await syncOnce(stage, { people: 5, latencyMs: 0 });

    const figures: Figure[] = [];
    const bars: { size: Size; ours: number[]; careful: number[]; audited: number[] }[] = [];
    for (const size of sizes) {
      tell(`${size.people} people at ${size.latencyMs} ms`);
      const synced: { seconds: number; calls: number }[] = [];
      for (let turn = 0; turn < repetitions; turn += 1) synced.push(await syncOnce(stage, size));
      const ours = synced.map(({ seconds }) => seconds);
      // One call at a time leaves the machine idle: they go side by side, each with a crew call of its own.
      flex.configure({ latencyMs: size.latencyMs });
      const turns = Array.from({ length: peerRepetitions }, () => [
        peerOnce(stage, size, readingAfterEachAdd, 1 + 3 * size.people),
        peerOnce(stage, size, asTheAuditedFunction, callsOf(size.people) + LIST_ATTEMPTS),
      ]);
      const times = await Promise.all(turns.map((turn) => Promise.all(turn)));
      const [careful, audited] = [0, 1].map((which) => times.map((turn) => turn[which] as number)) as [
        number[],
        number[],
      ];
      bars.push({ size, ours, careful, audited });
      figures.push(...figuresOf(size, ours, careful, audited));
      figures.push(
        figure(
          `${nameOf(size)}: Flex calls`,
          "",
          synced.map(({ calls }) => calls),
        ),
      );
    }
    await daemon?.stop();
    await flex.stop();
    await database.drop();
    return {
      figures,
      checked: [
        `every sync made exactly 1 + adds + roles Flex calls (${sizes.map(({ people }) => callsOf(people)).join(", ")})`,
        "Flex shows everybody once, with their role",
        "every line is recorded, and every crew call is synced",
      ],
      notes: [
        `at most ${AT_ONCE} calls at once on one element (the default of \`element_concurrency\`); the lower bound is (1 + (adds + roles) / ${AT_ONCE}) × latency`,
        `the audited function is given ${LIST_ATTEMPTS} list attempts, the least that it made; its refused first attempt at each add is not counted`,
        "the callers that make one call at a time run side by side, each on a crew call of its own",
      ],
      plots: [plotOf(bars)],
    };
  },
};

const nameOf = ({ people, latencyMs }: Size) => `${people} people at ${latencyMs} ms`;

function figuresOf(size: Size, ours: number[], careful: number[], audited: number[]): Figure[] {
  const { people, latencyMs } = size;
  const of = nameOf(size);
  const least = leastSeconds(size);
  const bound = latencyMs === LATENCY_MS && people >= 40 ? { at_most: 1.15 } : undefined;
  const isTheCase = latencyMs === LATENCY_MS && people === 40;
  const timesFaster = (peer: number[]) => ours.map((seconds) => median(peer) / seconds);
  return [
    figure(`${of}: flex-crew-sync`, "s", ours),
    figure(`${of}: lower bound`, "s", [least]),
    figure(
      `${of}: times the lower bound`,
      "×",
      ours.map((seconds) => seconds / least),
      bound,
    ),
    figure(`${of}: (a) a reading after each add`, "s", careful),
    figure(`${of}: (b) the audited function`, "s", audited),
    figure(`${of}: faster than (a)`, "×", timesFaster(careful), isTheCase ? { at_least: 4.8 } : undefined),
    figure(`${of}: faster than (b)`, "×", timesFaster(audited), isTheCase ? { at_least: 3.4 } : undefined),
  ];
}

function plotOf(measured: { size: Size; ours: number[]; careful: number[]; audited: number[] }[]): Plot {
  const bar = (label: string, values: number[]) => ({ label, ...spreadOf(values) });
  const bars = measured
    .filter(({ size }) => size.people === 40 && size.latencyMs === LATENCY_MS)
    .flatMap(({ size, ours, careful, audited }) => [
      bar("(a) a reading after each add", careful),
      bar("(b) the audited function", audited),
      bar("flex-crew-sync", ours),
      bar("lower bound", [leastSeconds(size)]),
    ]);
  return {
    name: "crew",
    title: `40 people with a role each, ${LATENCY_MS} ms per Flex call`,
    unit: "s",
    kind: "bars",
    bars,
  };
}
