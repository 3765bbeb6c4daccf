import { describe, expect, test } from "vitest";
import { ana, ben, type CrewCall, makeCrewCall, person } from "../crew-call.ts";
import { conditionOf, request } from "../functions/asking.ts";
import { drainWith, type Hook } from "../functions/drain-with.ts";
import { createDatabase } from "../postgres/database.ts";

/** What is wrong with one crew call: what Flex shows there at first, and how it answers. */
const CONDITIONS: { condition: string; inFlex?: number[]; hook?: (stuck: CrewCall) => Hook }[] = [
  {
    condition: "failed refused",
    hook: (stuck) => (one) =>
      one.flex_element_id === stuck.element && one.kind === "add"
        ? { outcome: "refused", status: 400 }
        : undefined,
  },
  {
    condition: "unknown unanswered",
    hook: (stuck) => (one) =>
      one.flex_element_id === stuck.element && one.kind === "add" ? { outcome: "unknown" } : undefined,
  },
  { condition: "held many_foreign", inFlex: [11, 12, 13, 14] },
  {
    condition: "blocked access_denied",
    hook: (stuck) => (one) =>
      one.flex_element_id === stuck.element ? { outcome: "denied", status: 401 } : undefined,
  },
  {
    condition: "pending requested",
    hook: (stuck) => (one) => (one.flex_element_id === stuck.element ? "lost" : undefined),
  },
  {
    condition: "pending doubtful_reading",
    hook: (stuck) => (one) =>
      one.flex_element_id === stuck.element ? { outcome: "doubtful", status: 200 } : undefined,
  },
];

describe("another crew call goes to synced, without any time passing, while one", () => {
  for (const { condition, inFlex = [], hook } of CONDITIONS) {
    test(`is ${condition}`, async () => {
      const { sql } = await createDatabase();
      const stuck = await makeCrewCall(sql, { desired: [ana], inFlex: inFlex.map(person) });
      const other = await makeCrewCall(sql, { desired: [ben], flex: stuck.flex });
      await request(sql, stuck);
      await request(sql, other);
      await drainWith(sql, stuck.flex, hook?.(stuck));
      expect(await conditionOf(sql, stuck)).toBe(condition);
      expect(await conditionOf(sql, other)).toBe("synced");
      // And once more, now that it is stuck.
      await sql`delete from job_assignments where job_id = ${other.job}`;
      await request(sql, other);
      await drainWith(sql, stuck.flex, hook?.(stuck));
      expect(stuck.flex.linesOf(other.element)).toEqual([]);
      expect(await conditionOf(sql, other)).toBe("synced");
    });
  }
});
