import { check, figure, type Part } from "../harness/part.ts";
import { quantile } from "../harness/statistics.ts";
import { foundCompany } from "./month/act.ts";
import { CREW_CALLS_A_WEEK, deedsOf } from "./month/company.ts";
import { mostWithin } from "./month/flex.ts";
import { beginLife } from "./month/live.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Whether a busy company gets along with Flex's quotas, and what it waits for. */
export const month: Part = {
  name: "month",
  measures: `a month of a company with ${CREW_CALLS_A_WEEK} crew calls a week under Flex's real quotas, its clock accelerated`,
  async run({ server, quick, tell }) {
    const days = quick ? 1 : 31;
    const database = await server.createDatabase();
    await database.sql`update flex_sync.settings set resync_interval = '1 day'`;
    const life = await beginLife(database.url);
    const company = await foundCompany(life);
    const start = life.now();
    const deeds = deedsOf(start, days, 1);
    let day = 0;
    for (const deed of deeds) {
      await life.liveUntil(deed.at);
      await company.act(deed);
      if (life.now() - start > (day + 1) * DAY) {
        day = Math.floor((life.now() - start) / DAY);
        tell(`day ${day}: ${life.flex.calls.length} calls`);
      }
    }
    const used = life.flex.calls.length;
    // Nobody does anything any more: what still waits for an allowance, or for tomorrow's reading, comes.
    await life.liveUntil(start + (days + 2) * DAY);

    const [lost] = await life.run<{ conditions: string; unsynced: number }>`
      select coalesce(string_agg(distinct condition, ', '), '') as conditions, count(*)::int as unsynced
      from flex_sync.crew_call_status where condition <> 'synced'`;
    check(lost?.unsynced === 0, `${lost?.unsynced} crew calls are ${lost?.conditions}`);
    const people = company.checkFlex();
    check(life.flex.refused === 0, `Flex refused ${life.flex.refused} calls because of a quota`);
    const syncs = await life.run<{ seconds: number }>`
      select extract(epoch from finished_at - requested_at)::float8 as seconds from flex_sync.syncs where requested_by = 'the company'`;
    const waits = syncs.map(({ seconds }) => seconds);
    const { calls } = life.flex;
    const made = await life.run<{ at: number }>`
      select extract(epoch from made_at)::float8 * 1000 as at from flex_sync.calls order by number`;
    const counted = made.map(({ at }) => Math.round(at));
    check(counted.length === calls.length, `${counted.length} calls were counted and ${calls.length} made`);
    await life.end();
    await database.drop();
    const healed = company.healedAfter.length > 0 ? company.healedAfter : null;
    return {
      figures: [
        figure(`Flex calls in ${days} days`, "calls", [used], { at_most: 100_000 }),
        figure("most calls within any hour, when they are counted", "calls", [mostWithin(counted, HOUR)], {
          at_most: 2_000,
        }),
        figure("most calls within any hour, when they arrive at Flex", "calls", [mostWithin(calls, HOUR)]),
        figure("most calls within any 24 hours, when they are counted", "calls", [mostWithin(counted, DAY)], {
          at_most: 10_000,
        }),
        figure("calls that Flex refused because of a quota", "calls", [life.flex.refused], { at_most: 0 }),
        figure("from a request to synced, p50", "s", [quantile(waits, 0.5)]),
        figure("from a request to synced, p95", "s", [quantile(waits, 0.95)]),
        figure("from a request to synced, longest", "s", [Math.max(...waits)]),
        ...(healed ? [figure("a line deleted in Flex is there again after", "h", healed)] : []),
      ],
      checked: [
        `at the end all crew calls are synced, and Flex shows exactly the ${people} people wanted, once each, with their role`,
        "Flex refused no call because of a quota",
      ],
      notes: [
        `${deeds.filter(({ does }) => does === "plans").length} crew calls of 4 to 24 people, 40 % of each week's planned on Monday between nine and ten, each changed up to three times, a line of every tenth deleted by hand in Flex; \`resync_interval\` is a day; 150 ms per Flex call`,
        "a call is counted some milliseconds before it arrives: a window of exactly an hour may see a few more arrive than were counted in it",
        "the daemon's own TypeScript and the real SQL on a clock that is moved from one event to the next; one daemon, its statements one after the other",
      ],
      plots: [
        {
          name: "month",
          title: "Flex calls a day",
          unit: "calls",
          kind: "lines",
          x: "day",
          log: false,
          lines: [{ label: "calls", points: callsADay(calls, start, days) }],
        },
      ],
    };
  },
};

function callsADay(calls: readonly number[], start: number, days: number) {
  return Array.from({ length: days + 1 }, (_, day) => {
    const count = calls.filter((at) => Math.floor((at - start) / DAY) === day).length;
    return { x: day + 1, median: count, min: count, max: count };
  });
}
