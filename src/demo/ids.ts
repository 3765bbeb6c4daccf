import { createHash } from "node:crypto";

/** A UUID that is the same in every run: the demo's world is the same each time. */
export function idOf(what: string): string {
  const hex = createHash("md5").update(what).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join("-");
}

/** A sentence with its ids cut to their first eight digits. */
export function shortenIds(sentence: string): string {
  return sentence.replaceAll(/\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "$1…");
}
