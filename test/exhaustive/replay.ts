import { actionsOf } from "./actions.ts";
import type { ExploredDatabase } from "./database.ts";
import { wrongIn, wrongStep } from "./invariants.ts";
import type { State } from "./state.ts";
import { perform, successorsOf } from "./successors.ts";

/**
 * Do again what a counterexample did, by the names of its actions.
 *
 * @param look sees each state on the way
 * @returns everything that is wrong with the last step, or with the rest that it comes to
 */
export async function replay(
  database: ExploredDatabase,
  start: State,
  names: readonly string[],
  look: (name: string, state: State) => void = () => {},
): Promise<string[]> {
  let state = start;
  let wrong: string[] = [];
  for (const name of names) {
    const action = actionsOf(state).find((one) => one.name === name);
    if (!action) throw new Error(`"${name}" cannot happen here`);
    const before = state;
    await database.from(before.rows, async (attempt) => {
      const { after, answers } = await perform(attempt, before, action);
      wrong = [...wrongStep(before, action, after, answers), ...wrongIn(after)];
      look(name, after);
      state = after;
    });
  }
  const { rests, wrong: atRest } = await successorsOf(database, state, () => {});
  return [...wrong, ...((rests && atRest?.wrong) || [])];
}
