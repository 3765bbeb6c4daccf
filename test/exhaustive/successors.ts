import { type Action, actionsOf } from "./actions.ts";
import type { Answer, Attempt, ExploredDatabase } from "./database.ts";
import { fingerprint } from "./fingerprint.ts";
import { wrongAtRest, wrongIn, wrongStep } from "./invariants.ts";
import { CREW_CALL, type State } from "./state.ts";

/** A moment between one action and the next, microseconds. */
const BETWEEN = 500;

/** What happens when nobody interferes; a request only when something is wrong that only a request can notice. */
const isQuiet = ({ group }: Action, { unasked }: State) =>
  group === "work" || group === "time" || group === "close" || (group === "ask" && unasked);

/** Do everything that can happen in a state, and say what is wrong with the first thing that is. */
export async function successorsOf(
  database: ExploredDatabase,
  state: State,
  found: (action: Action, after: State, print: string, quiet: boolean) => void,
): Promise<{ wrong: { wrong: string[]; by: string[] } | null; rests: boolean }> {
  const here = fingerprint(state);
  let moved = false;
  let wrong: { wrong: string[]; by: string[] } | null = null;
  let rests = false;
  await database.from(state.rows, async (attempt) => {
    const actions = actionsOf(state);
    const order = ["work", "time", "close", "ask", "mishap", "stall"];
    for (const action of actions.toSorted(
      (one, other) => order.indexOf(one.group) - order.indexOf(other.group),
    )) {
      if (wrong) return;
      if ((action.group === "time" || action.group === "close") && moved) continue;
      if (action.group === "stall" && !moved) continue;
      const performed = await perform(attempt, state, action).catch(sqlstateOf);
      if (typeof performed === "string") {
        wrong = { wrong: [`it raises ${performed}`], by: [action.name] };
        return;
      }
      const { after, answers } = performed;
      const print = fingerprint(after);
      const problems = [...wrongStep(state, action, after, answers), ...wrongIn(after)];
      if (problems.length > 0) wrong = { wrong: problems, by: [action.name] };
      if (print === here) continue;
      const quiet = !moved && isQuiet(action, state);
      moved ||= quiet;
      found(action, after, print, quiet);
    }
    if (!moved && !wrong) {
      rests = true;
      const problems = wrongAtRest(state, await conditionIn(attempt, state.now));
      if (problems.length > 0) wrong = { wrong: problems, by: [] };
    }
  });
  return { wrong, rests };
}

export async function perform(
  attempt: Attempt,
  state: State,
  action: Action,
): Promise<{ after: State; answers: unknown[] }> {
  const after = structuredClone(state);
  after.now += BETWEEN;
  let results: Answer[] = [];
  if (action.statements) {
    const done = await attempt(state.now + 1, action.statements);
    results = done.results;
    after.rows = done.rows;
  }
  action.effect(after, results);
  return { after, answers: results.map(([row]) => row?.result) };
}

/** The SQLSTATE of what the database raised; anything else goes on. */
function sqlstateOf(error: unknown): string {
  const { code, constraint_name: constraint = "" } = error as { code?: string; constraint_name?: string };
  if (code === undefined || code.length !== 5) throw error;
  return `${code} ${constraint}`.trim();
}

async function conditionIn(attempt: Attempt, now: number): Promise<string> {
  const { results } = await attempt(now + 1, [
    (sql) =>
      sql`select concat_ws(' ', condition, reason) as condition from flex_sync.crew_call_status where crew_call_id = ${CREW_CALL}`,
  ]);
  return String(results[0]?.[0]?.condition);
}
