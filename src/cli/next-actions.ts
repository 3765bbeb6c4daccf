import { reasonInWords } from "../reason-in-words.ts";
import { printable } from "./terminal/text.ts";

type Person = {
  technician_id: string | null;
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
  const whom = new Map<string, string[]>();
  for (const { technician_id, line, condition, reason, next_action } of people) {
    // Held removals are approved together, and the crew call's action names their plan.
    const told = next_action === null || next_action === crewCallAction || condition === "held";
    const action = told ? null : printable(next_action);
    if (action === null && reason === null) continue;
    const sentence = [reasonInWords(condition, reason), action].filter(Boolean).join("\n");
    whom.set(sentence, [...(whom.get(sentence) ?? []), technician_id ?? `line ${line}`]);
  }
  return [...whom].flatMap(([sentence, names]) => {
    const more = names.length - MOST_NAMED;
    const [first = "", ...actions] = sentence.split("\n");
    return [
      `${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}: ${first}`,
      ...actions.map(indented),
    ];
  });
}

/** An action stands on a line of its own: it is there to be pasted. */
export function indented(action: string): string {
  return `  ${action}`;
}
