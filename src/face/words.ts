import { reasonInWords, reasonOfCall } from "../reason-in-words.ts";
import type { Condition } from "../rows.ts";

/** What a condition is called on the page, and whose turn it is. */
export const CONDITION_WORDS: Record<Condition, { title: string; turn: "yours" | "ours" | "nobody's" }> = {
  paused: { title: "Paused", turn: "yours" },
  blocked: { title: "Blocked", turn: "yours" },
  failed: { title: "Failed", turn: "yours" },
  held: { title: "Waits for your yes", turn: "yours" },
  unknown: { title: "Being checked", turn: "ours" },
  pending: { title: "In progress", turn: "ours" },
  unmapped: { title: "Contact missing", turn: "yours" },
  never_synced: { title: "Never synced", turn: "yours" },
  synced: { title: "In sync", turn: "nobody's" },
};

/** What a crew call without a reason is. */
const WELL = "Flex shows exactly the crew of the job.";

/** Why somebody is as they are, as a sentence. */
export function sentenceFor(condition: string, reason: string | null): string {
  return asSentence(condition, reason, reasonInWords);
}

/** The same of a whole crew call. */
export function sentenceForCall(condition: string, reason: string | null): string {
  return asSentence(condition, reason, reasonOfCall);
}

function asSentence(condition: string, reason: string | null, say: typeof reasonInWords): string {
  const words = condition === "synced" && reason === null ? WELL : say(condition, reason);
  return words === "" ? "" : `${words.charAt(0).toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`;
}

/** Why a removal was planned: the reasons of `remove` in docs/reasons.md. */
export const REMOVAL_WORDS: Readonly<Record<string, string>> = {
  undesired: "not on the job any more",
  resource_changed: "replaced by another Flex contact",
  foreign: "put there by a person, for nobody on the job",
  surplus: "a second line of somebody",
};
