import type { ExploredDatabase } from "./database.ts";
import { fingerprint } from "./fingerprint.ts";
import type { State } from "./state.ts";
import { successorsOf } from "./successors.ts";

export interface Report {
  states: number;
  transitions: number;
  /** States in which everything has come to rest. */
  ends: number;
  /** Merged states whose successors were compared. */
  compared: number;
  /** The first thing that is wrong, and the shortest way there. */
  counterexample: Counterexample | null;
}

export interface Counterexample {
  wrong: string[];
  actions: string[];
}

/** Of one in so many merged states the successors are compared. */
const COMPARE_ONE_IN = 50;

/** How a state was first reached, and where it goes when nothing unplanned happens. */
interface Node {
  from: number;
  by: string;
  settlesTo: number | "rest" | null;
  successors: string | null;
}

/** Look at every state that can be reached, the ones that few actions lead to first. */
export async function explore(database: ExploredDatabase, initial: State): Promise<Report> {
  const nodes: Node[] = [{ from: -1, by: "", settlesTo: null, successors: null }];
  const known = new Map([[fingerprint(initial), 0]]);
  let frontier: [number, State][] = [[0, initial]];
  const report: Report = {
    states: 1,
    transitions: 0,
    ends: 0,
    compared: 0,
    counterexample: null,
  };
  const compare: [number, State][] = [];

  const wayTo = (node: number): string[] => {
    const way: string[] = [];
    for (let at = node; at > 0; at = nodes[at]?.from ?? 0) way.unshift(nodes[at]?.by ?? "");
    return way;
  };

  while (frontier.length > 0 && !report.counterexample) {
    const next: [number, State][] = [];
    for (const [id, state] of frontier) {
      const node = nodes[id] as Node;
      const seen: string[] = [];
      const { wrong, rests } = await successorsOf(database, state, (action, after, print, quiet) => {
        report.transitions += 1;
        seen.push(`${action.name} → ${print}`);
        let target = known.get(print);
        if (target === undefined) {
          target = nodes.length;
          known.set(print, target);
          nodes.push({ from: id, by: action.name, settlesTo: null, successors: null });
          next.push([target, after]);
        } else if (report.transitions % COMPARE_ONE_IN === 0) {
          compare.push([target, after]);
        }
        if (quiet) node.settlesTo ??= target;
      });
      node.successors = seen.toSorted().join("\n");
      if (wrong) {
        report.counterexample = { wrong: wrong.wrong, actions: [...wayTo(id), ...wrong.by] };
        break;
      }
      if (rests) {
        report.ends += 1;
        node.settlesTo = "rest";
      }
    }
    frontier = next;
  }
  report.states = nodes.length;
  if (report.counterexample) return report;
  report.counterexample = findRestless(nodes, wayTo);

  for (const [id, state] of compare) {
    const expected = nodes[id]?.successors;
    if (report.counterexample || expected === null || expected === undefined) continue;
    const seen: string[] = [];
    await successorsOf(database, state, (action, _, print) => seen.push(`${action.name} → ${print}`));
    report.compared += 1;
    if (seen.toSorted().join("\n") !== expected)
      report.counterexample = {
        wrong: ["two states were merged that differ", expected, "---", ...seen.toSorted()],
        actions: wayTo(id),
      };
  }
  return report;
}

/** A state from which things, left alone, never come to rest. */
function findRestless(nodes: Node[], wayTo: (node: number) => string[]): Counterexample | null {
  const rests = new Set<number>();
  for (const [id] of nodes.entries()) {
    const way = new Set<number>();
    let at: number | "rest" | null = id;
    while (typeof at === "number" && !rests.has(at)) {
      if (way.has(at)) return { wrong: ["it never comes to rest"], actions: wayTo(at) };
      way.add(at);
      at = nodes[at]?.settlesTo ?? null;
    }
    if (at === null) return { wrong: ["it comes to rest nowhere"], actions: wayTo(id) };
    for (const one of way) rests.add(one);
  }
  return null;
}
