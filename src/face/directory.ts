import type { TransactionSql } from "postgres";
import { CONDITIONS, type Condition } from "../rows.ts";

/** Which crew calls there are and in what condition: for counts, order and paging. */
export type Directory = { entries: readonly Entry[]; counts: Record<Condition, number> };

export type Entry = { crew_call_id: string; flex_element_id: string | null; condition: Condition };

/** Looks at every crew call. */
export async function readDirectory(sql: TransactionSql): Promise<Directory> {
  const rows = await sql<Entry[]>`
    select crew_call_id, flex_element_id, condition from flex_sync.crew_call_status`;
  const counts = Object.fromEntries(CONDITIONS.map((condition) => [condition, 0])) as Directory["counts"];
  for (const { condition } of rows) counts[condition] += 1;
  return { entries: [...rows].sort(byUrgency), counts };
}

/** The entries of one page, and where the next one begins; a cursor survives that its crew call changes or goes. */
export function pageOf(
  { entries }: Directory,
  { condition, after, size }: { condition: Condition | null; after: string | null; size: number },
): { entries: Entry[]; next: string | null } {
  const begin = after === null ? null : entryOf(after);
  const following = entries.filter(
    (entry) =>
      (condition === null || entry.condition === condition) &&
      (begin === null || byUrgency(entry, begin) > 0),
  );
  const page = following.slice(0, size);
  const last = page.at(-1);
  return { entries: page, next: last && following.length > size ? cursorOf(last) : null };
}

/** The order of the list. */
export function byUrgency(one: Entry, other: Entry): number {
  return (
    CONDITIONS.indexOf(one.condition) - CONDITIONS.indexOf(other.condition) ||
    compare(one.crew_call_id, other.crew_call_id) ||
    compare(one.flex_element_id ?? "", other.flex_element_id ?? "")
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function cursorOf({ condition, crew_call_id, flex_element_id }: Entry): string {
  return [condition, crew_call_id, flex_element_id ?? ""].join("~");
}

function entryOf(cursor: string): Entry {
  const [condition = "", crew_call_id = "", flex_element_id = ""] = cursor.split("~");
  return { condition: condition as Condition, crew_call_id, flex_element_id };
}
