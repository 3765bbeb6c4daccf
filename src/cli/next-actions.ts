import { reasonInWords } from "../reason-in-words.ts";
import { named } from "./names.ts";
import { printable } from "./terminal/text.ts";

type Person = {
  technician_id: string | null;
  name: string | null;
  /** Names a line that nobody is known for. */
  line: string | null;
  condition: string;
  reason: string | null;
  next_action: string | null;
};

/** More people than this are counted and not named. */
const MOST_NAMED = 3;

/** Why people are not in sync, and what to do beyond what their crew call's own next action says; each once. */
export function actionsForPeople(crewCallAction: string | null, people: readonly Person[]): string[] {
  const groups = new Map<string, { sentence: string; whom: string[] }>();
  for (const { technician_id, name, line, condition, reason, next_action } of people) {
    // Held removals are approved together, and the crew call's action names their plan.
    const told = next_action === null || next_action === crewCallAction || condition === "held";
    const action = told ? null : printable(next_action);
    if (action === null && reason === null) continue;
    const sentence = [reasonInWords(condition, reason), action].filter(Boolean).join("\n");
    // The action of whoever is unmapped names them: one of several is enough.
    const key = condition === "unmapped" ? `${condition} ${reason}` : sentence;
    const group = groups.get(key) ?? { sentence, whom: [] };
    group.whom.push(technician_id ? printable(named(name, technician_id)) : `line ${line}`);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ sentence, whom }) => {
    const more = whom.length - MOST_NAMED;
    const [first = "", ...actions] = sentence.split("\n");
    return [
      `${whom.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}: ${first}`,
      ...actions.map(indented),
    ];
  });
}

/** An action stands on a line of its own: it is there to be pasted. */
export function indented(action: string): string {
  return `  ${action}`;
}
