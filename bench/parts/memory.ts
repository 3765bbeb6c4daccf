import { setTimeout as sleep } from "node:timers/promises";
import { crewCallOf, liftLimits, makeCrewCalls } from "../harness/crew-calls.ts";
import { startFastFlex } from "../harness/fast-flex.ts";
import { check, figure, type Part } from "../harness/part.ts";
import { settle } from "../harness/postgres.ts";
import { residentMegabytes, startDaemons } from "../harness/processes.ts";

const PEOPLE = 40;
const LOOK_EVERY_MS = 250;

/** How much memory the daemon holds. */
export const memory: Part = {
  name: "memory",
  measures: "the daemon's resident size, idle and while it drains 100,000 operations",
  async run({ server, quick, tell }) {
    const crewCalls = quick ? 60 : 2_440;
    // A reading each, and everybody is added.
    const operations = crewCalls * (1 + PEOPLE);
    const database = await server.createDatabase();
    const { sql } = database;
    const flex = await startFastFlex();
    await liftLimits(sql);
    await makeCrewCalls(sql, { count: crewCalls, people: PEOPLE });
    await settle(sql);
    const [daemon] = await startDaemons(1, { databaseUrl: database.url, flexBaseUrl: flex.baseUrl });
    check(daemon !== undefined, "no daemon");
    const idle = await watch(daemon.pid, () => sleep(quick ? 3_000 : 20_000));

    tell(`draining ${operations} operations`);
    const draining = await watch(daemon.pid, async () => {
      for (let from = 1; from <= crewCalls; from += 500) {
        const ids = Array.from({ length: Math.min(500, crewCalls - from + 1) }, (_, i) =>
          crewCallOf(from + i),
        );
        await sql`select count(sync_crew_call(id::uuid)) from unnest(${ids}::text[]) as id`;
      }
      await flex.arrived(operations);
    });
    const after = await watch(daemon.pid, () => sleep(quick ? 3_000 : 20_000));
    const [row] = await sql<[{ done: number; open: number }]>`
      select count(*) filter (where state = 'done')::int as done, count(*) filter (where state <> 'done')::int as open from flex_sync.outbox`;
    check(
      row.done === operations && row.open === 0,
      `${row.done} operations are done and ${row.open} are not`,
    );
    await daemon.stop();
    await flex.stop();
    await database.drop();
    const most = (sizes: number[]) => [Math.max(...sizes)];
    return {
      figures: [
        figure("idle", "MB", idle, { at_most: 120 }),
        figure(`draining ${operations.toLocaleString("en")} operations, at most`, "MB", most(draining), {
          at_most: 120,
        }),
        figure(`draining ${operations.toLocaleString("en")} operations`, "MB", draining),
        figure("idle afterwards", "MB", after, { at_most: 120 }),
      ],
      checked: [`all ${operations.toLocaleString("en")} operations were done, with one HTTP call each`],
      notes: [`the daemon as it is run, without a status page; looked at every ${LOOK_EVERY_MS} ms (VmRSS)`],
      plots: [
        {
          name: "memory",
          title: "Resident size of the daemon",
          unit: "MB",
          kind: "bars",
          bars: [
            { label: "idle", ...of(idle) },
            { label: "draining", ...of(draining) },
            { label: "idle afterwards", ...of(after) },
          ],
          mark: { label: "target: 120 MB", at: 120 },
        },
      ],
    };
  },
};

const of = (sizes: number[]) => figure("", "MB", sizes);

/** The resident size of a process, again and again while something happens. */
async function watch(pid: number, happening: () => Promise<unknown>): Promise<number[]> {
  const sizes = [residentMegabytes(pid)];
  const timer = setInterval(() => sizes.push(residentMegabytes(pid)), LOOK_EVERY_MS);
  try {
    await happening();
  } finally {
    clearInterval(timer);
  }
  return sizes;
}
