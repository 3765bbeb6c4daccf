type Person = {
  technician_id: string | null;
  /** Names a line that nobody is known for. */
  line: string | null;
  condition: string;
  next_action: string | null;
};

/** More people than this are counted and not named. */
const MOST_NAMED = 3;

/** What to do about the people of a crew call beyond what its own next action says; each action once. */
export function actionsForPeople(crewCallAction: string | null, people: readonly Person[]): string[] {
  const whom = new Map<string, string[]>();
  for (const { technician_id, line, condition, next_action } of people) {
    // Held removals are approved together, and the crew call's action names their plan.
    if (next_action === null || next_action === crewCallAction || condition === "held") continue;
    const names = whom.get(next_action) ?? [];
    names.push(technician_id ?? `line ${line}`);
    whom.set(next_action, names);
  }
  return [...whom].map(([action, names]) => {
    const more = names.length - MOST_NAMED;
    return `${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}: ${action}`;
  });
}
