import type { ExploredDatabase } from "./database.ts";
import { JOB, type Left, PERSON, SECOND, type State } from "./state.ts";

const NOTHING: Left = {
  requests: 2,
  lostAnswers: 0,
  deaths: 0,
  stalls: 0,
  overdue: 0,
  deletions: 0,
  removals: 0,
  returns: 0,
};

/** Explored with every run of the suite. */
export const SHARE: Partial<Left>[] = [
  {},
  { lostAnswers: 1 },
  { deaths: 1 },
  { removals: 1 },
  { deletions: 1 },
];

/** Explored by the long form. Two drainers and two requests everywhere; what else may happen, and how often. */
export const WHOLE: Partial<Left>[] = [
  ...SHARE,
  { lostAnswers: 2 },
  { requests: 3, stalls: 1 },
  { lostAnswers: 1, overdue: 1 },
  { lostAnswers: 1, deaths: 1 },
  { lostAnswers: 1, stalls: 1 },
  { lostAnswers: 1, removals: 1, returns: 1 },
  { lostAnswers: 1, deletions: 1, removals: 1 },
  { requests: 1, deaths: 1, stalls: 1 },
  { requests: 1, stalls: 2 },
  { requests: 1, lostAnswers: 2, removals: 1, returns: 1 },
];

/** The person is on the job, nobody has asked for anything yet. */
export async function startOf(database: ExploredDatabase, left: Partial<Left>): Promise<State> {
  return {
    rows: {
      ...(await database.rows()),
      "public.job_assignments": [
        { job_id: JOB, technician_id: PERSON, sound_role: "FOH", lights_role: null, video_role: null },
      ],
    },
    now: Date.parse("2026-01-05T08:00:00Z") * (SECOND / 1000),
    flex: { lines: [], made: 0, transit: [] },
    drainers: [null, null],
    left: { ...NOTHING, ...left },
    desired: true,
    unasked: true,
    explained: 0,
    wasOff: false,
  };
}
