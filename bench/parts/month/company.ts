import { type Random, seededRandom } from "../../../test/model/random.ts";

/** Something that a company does, at a moment in milliseconds since 1970. */
export type Deed =
  | { at: number; does: "plans"; crewCall: number; crew: Crew }
  /** People leave, others come, and somebody's role changes. */
  | { at: number; does: "changes"; crewCall: number; leave: number; come: number }
  /** Somebody deletes a line by hand in Flex. */
  | { at: number; does: "deletes in Flex"; crewCall: number };

/** Role codes by technician. */
export type Crew = Map<number, string>;

export const TECHNICIANS = 400;
export const CREW_CALLS_A_WEEK = 200;
export const ROLES = ["SND-FOH-R", "SND-MON-E", "SND-RF-T"] as const;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Of each week's crew calls, so many are planned on Monday between nine and ten. */
const MONDAY_SHARE = 0.4;
const CHANGES = 3;

/** What a company does in so many days: plans crew calls of 4 to 24 people, changes each several times. */
export function deedsOf(start: number, days: number, seed: number): Deed[] {
  const random = seededRandom(seed);
  const deeds: Deed[] = [];
  const count = Math.round((CREW_CALLS_A_WEEK * days) / 7);
  for (let crewCall = 1; crewCall <= count; crewCall += 1) {
    const plannedAt =
      random.next() < MONDAY_SHARE ? onMonday(start, days, random) : inOfficeHours(start, days, random);
    const crew: Crew = new Map();
    const size = 4 + random.below(21);
    while (crew.size < size) crew.set(1 + random.below(TECHNICIANS), random.pick(ROLES));
    deeds.push({ at: plannedAt, does: "plans", crewCall, crew });
    for (let change = 0; change < CHANGES; change += 1) {
      const at = plannedAt + HOUR + random.next() * 14 * DAY;
      deeds.push({ at, does: "changes", crewCall, leave: random.below(3), come: random.below(3) });
    }
    if (random.below(10) === 0)
      deeds.push({ at: plannedAt + random.next() * 10 * DAY, does: "deletes in Flex", crewCall });
  }
  return deeds.filter(({ at }) => at < start + days * DAY).sort((a, b) => a.at - b.at);
}

function inOfficeHours(start: number, days: number, random: Random): number {
  return start + random.below(days) * DAY + 8 * HOUR + random.next() * 10 * HOUR;
}

function onMonday(start: number, days: number, random: Random): number {
  const mondays = Array.from({ length: days }, (_, day) => start + day * DAY).filter(
    (at) => new Date(at).getUTCDay() === 1,
  );
  const day = mondays.length > 0 ? random.pick(mondays) : start;
  return day + 9 * HOUR + random.next() * HOUR;
}
