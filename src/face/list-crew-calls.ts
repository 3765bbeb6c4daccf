import type { Condition, CrewCallStatusRow } from "../rows.ts";
import { byUrgency, type Directory, pageOf } from "./directory.ts";
import type { FaceDatabase } from "./face-database.ts";
import { readHead, readRows } from "./read-overview.ts";
import type { Snapshot } from "./snapshot.ts";

export type ListParts = {
  database: FaceDatabase;
  directory: (waitMs: number) => Promise<Snapshot<Directory>>;
};

/** A page of the list. */
export type Listed = {
  rows: CrewCallStatusRow[];
  /** The cursor of the next page; null on the last. */
  next: string | null;
  /** How many crew calls there are in each condition, and how old that is; null while they are counted for the first time. */
  counts: Directory["counts"] | null;
  counted_ms: number | null;
};

const PAGE_SIZE = 50;
/** Counting very many crew calls takes longer: the page does not wait for it. */
const COUNT_WITHIN_MS = 1_000;
/** A count that is older may lack what went wrong since. */
const FRESH_MS = 20_000;

/**
 * A page of crew calls, the most urgent first. Order and paging come from the last count, each row is read anew. Where
 * counting takes so long that the count is old, the first page also has what the view lists first now.
 */
export async function listCrewCalls(
  { database, directory }: ListParts,
  wanted: { condition: Condition | null; after: string | null },
): Promise<Listed> {
  const all = await directory(COUNT_WITHIN_MS).catch(() => null);
  const page = all && pageOf(all.value, { ...wanted, size: PAGE_SIZE });
  const isHead = wanted.after === null && (all === null || all.ageMs > FRESH_MS);
  const [rows, head] = await Promise.all([
    page ? database.read((sql) => readRows(sql, page.entries)) : [],
    isHead ? database.read((sql) => readHead(sql, wanted.condition, PAGE_SIZE)) : [],
  ]);
  return {
    rows: isHead ? merged(head, rows) : rows,
    next: page?.next ?? null,
    counts: all?.value.counts ?? null,
    counted_ms: all && Math.round(all.ageMs),
  };
}

/** Both, each crew call once, the most urgent first. */
function merged(head: readonly CrewCallStatusRow[], rows: readonly CrewCallStatusRow[]): CrewCallStatusRow[] {
  const found = [...rows, ...head].map((row) => [`${row.crew_call_id} ${row.flex_element_id}`, row] as const);
  return [...new Map(found).values()].sort(byUrgency).slice(0, PAGE_SIZE);
}
