import type { Sql } from "postgres";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import {
  crewCallOf,
  elementOf,
  makeCrewCalls,
  ROLE,
  resourceOf,
  technicianOf,
} from "../../harness/crew-calls.ts";
import { check } from "../../harness/part.ts";
import { now } from "../../harness/statistics.ts";
import type { OneAtATime } from "../../peers/one-at-a-time.ts";

export type Size = { people: number; latencyMs: number };

/** Everybody is added and gets a role. */
export const callsOf = (people: number): number => 1 + 2 * people;

/** What syncs of new crew calls, one after the other, need. */
export type Stage = {
  sql: Sql;
  flex: Simulator;
  /** The number of the next crew call. */
  next: number;
  /** Resolves when the sync of this id is finished. */
  finished(syncId: number): Promise<void>;
};

/** Hear of every finished sync, from now on. */
export async function hearOfFinished(sql: Sql): Promise<Stage["finished"]> {
  const finished = new Set<string>();
  let hear = () => {};
  await sql.listen("flex_sync_done", (syncId) => {
    finished.add(syncId);
    hear();
  });
  return async (syncId) => {
    while (!finished.has(String(syncId))) {
      await new Promise<void>((resolve) => {
        hear = resolve;
      });
    }
  };
}

/** One crew, from the request to synced. */
export async function syncOnce(
  stage: Stage,
  { people, latencyMs }: Size,
): Promise<{ seconds: number; calls: number }> {
  const { sql, flex } = stage;
  const number = stage.next++;
  await makeCrewCalls(sql, { from: number, count: 1, people, roles: true });
  flex.addElement(elementOf(number));
  flex.configure({ latencyMs });
  flex.clearCalls();
  const began = now();
  const [row] = await sql<
    [{ plan: { sync_id: number } }]
  >`select sync_crew_call(${crewCallOf(number)}) as plan`;
  await stage.finished(row.plan.sync_id);
  const seconds = (now() - began) / 1_000;

  const [state] = await sql<[{ condition: string; recorded: number }]>`
    select condition, recorded::int from flex_sync.crew_call_status where crew_call_id = ${crewCallOf(number)}`;
  check(state.condition === "synced", `the crew call is ${state.condition}`);
  check(state.recorded === people, `${state.recorded} of ${people} people are recorded`);
  check(
    flex.calls.length === callsOf(people),
    `${flex.calls.length} Flex calls instead of ${callsOf(people)}`,
  );
  checkFlex(flex, number, people);
  return { seconds, calls: flex.calls.length };
}

/** @returns seconds that a caller of its own kind takes for the same crew */
export async function peerOnce(
  stage: Stage,
  { people }: Size,
  peer: OneAtATime,
  calls: number,
): Promise<number> {
  const number = stage.next++;
  await makeCrewCalls(stage.sql, { from: number, count: 1, people, roles: true });
  stage.flex.addElement(elementOf(number));
  const began = now();
  const made = await peer({
    sql: stage.sql,
    baseUrl: stage.flex.baseUrl,
    token: stage.flex.token,
    crewCall: crewCallOf(number),
    element: elementOf(number),
    people: Array.from({ length: people }, (_, i) => ({
      technician: technicianOf(i + 1),
      resource: resourceOf(i + 1),
    })),
    role: ROLE,
  });
  const seconds = (now() - began) / 1_000;
  check(made === calls, `a caller that makes one call at a time made ${made} instead of ${calls}`);
  checkFlex(stage.flex, number, people);
  return seconds;
}

function checkFlex(flex: Simulator, number: number, people: number): void {
  const lines = flex.contactLinesOf(elementOf(number));
  const there = new Set(lines.map(({ resourceId }) => resourceId));
  check(
    lines.length === people && there.size === people,
    `Flex shows ${lines.length} lines for ${people} people`,
  );
  check(
    lines.every(({ roleId }) => roleId === ROLE),
    "somebody in Flex has no role",
  );
}
