import type { ReservedSql } from "postgres";
import type { Left } from "./state.ts";

/** A bug that the code does not have: put in, to see that exploring finds it. */
export interface KnownBug {
  name: string;
  changes: { in: string; from: string; to: string }[];
  /** The smallest scenario that shows it. */
  left: Partial<Left>;
  /** What is seen to be wrong. */
  shows: string;
}

export const KNOWN_BUGS: KnownBug[] = [
  {
    name: "a write nobody answered counts as absent in the first reading that lacks it",
    changes: [
      {
        in: "settle_unknown",
        from: "settle_unknown.began_at > v_operation.deadline + v_settings.late_landing",
        to: "true",
      },
    ],
    left: { requests: 1, lostAnswers: 1 },
    shows: "an add is sent while an earlier one may still take effect",
  },
  {
    name: "an operation whose lease ran out counts as not sent",
    changes: [{ in: "take_over_expired", from: "'unknown'", to: "'not_sent'" }],
    left: { requests: 1, deaths: 1 },
    shows: "an add is sent while an earlier one may still take effect",
  },
  {
    name: "recording looks at the state of an operation only, not at the token of the claim",
    changes: [{ in: "operation_in_flight", from: "and outbox.token = operation_in_flight.token", to: "" }],
    left: { requests: 1, stalls: 2 },
    shows: "a drainer that lost its claim is not fenced",
  },
  {
    name: "a reading answers requests made after it began",
    changes: [
      { in: "request_sync", from: "and outbox.state = 'sending'", to: "and false" },
      { in: "join_sync", from: "reading_at = null,", to: "" },
    ],
    left: { requests: 2, removals: 1 },
    shows: "the crew call is pending requested",
  },
];

/** Put one into the installed functions. */
export async function putIn(sql: ReservedSql, bug: KnownBug): Promise<void> {
  for (const change of bug.changes) {
    const [row] = await sql<[{ text: string }]>`
      select pg_get_functiondef(p.oid) as text from pg_proc p
      where p.pronamespace = 'flex_sync'::regnamespace and p.proname = ${change.in}`;
    const text = row.text.replace(change.from, change.to);
    if (text === row.text) throw new Error(`${change.in} has no "${change.from}" any more`);
    await sql.unsafe(text);
  }
}
