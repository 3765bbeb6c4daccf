import type { Step } from "./history.ts";
import { id } from "./ids.ts";
import type { Stage } from "./stage.ts";

type ByHand = Extract<Step, { do: `human ${string}` | "element" }>;

/** What people do in Flex's own user interface, and what the oracle has to remember of it. */
export function actByHand({ flex, memory, lab }: Stage, step: ByHand): void {
  const element = id.element(step.element);
  const lines = flex.world.contactLinesOf(element);
  const take = (nth: number) => lines[nth % Math.max(lines.length, 1)];
  const lose = (line: (typeof lines)[number]) =>
    memory.losses.set(`${element}/${line.resourceId}`, lab.time.now());
  switch (step.do) {
    case "human adds": {
      const resources =
        step.strangers === 0
          ? [id.resource(step.person, "first")]
          : Array.from({ length: step.strangers }, (_, number) => id.stranger(number));
      for (const resource of resources) flex.humanAdds(element, resource);
      return;
    }
    case "human deletes":
      for (const line of lines.slice(step.nth, step.nth + step.count)) {
        lose(line);
        flex.humanDeletes(line.id);
      }
      return;
    case "human sets a role": {
      const line = take(step.nth);
      if (line) flex.humanSetsRole(line.id, id.role("sound", "T"));
      return;
    }
    case "human changes the contact": {
      const line = take(step.nth);
      if (!line) return;
      lose(line);
      memory.touched.set(line.id, lab.time.now());
      flex.humanChangesContact(line.id, step.person === null ? null : id.resource(step.person, "first"));
      return;
    }
    case "element": {
      const { world } = flex;
      if (step.is === "deleted" || world.known(element).state === "deleted") {
        // Out of sight and back again: whoever reads in between cannot know better.
        for (const line of lines) {
          lose(line);
          memory.touched.set(line.id, lab.time.now());
        }
      }
      world.lockElement(element, step.is === "locked");
      world.setAccessible(element, step.is !== "inaccessible");
      if (step.is === "deleted") world.deleteElement(element);
      else world.restoreElement(element);
    }
  }
}
