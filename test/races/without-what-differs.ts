import type { Row, Rows } from "../postgres/snapshots.ts";

/** Only told, or different each time. */
const OVER = new Set(["token", "duration", "noted_at", "flex_calls", "error", "drainer"]);

/** Rows without what differs between any two runs: ids that are new, and times except whether there is one. */
export function withoutWhatDiffers(rows: Rows, before: Rows): string {
  const newest = (table: string, key: string) =>
    Math.max(0, ...(before[table] ?? []).map((row) => Number(row[key])));
  const operation = newest("flex_sync.outbox", "id");
  const sync = newest("flex_sync.syncs", "id");
  const call = newest("flex_sync.calls", "number");
  const limits: Record<string, number> = {
    operation_id: operation,
    after_operation_id: operation,
    sync_id: sync,
    call_number: call,
    number: call,
  };
  const plain = (table: string, row: Row) =>
    Object.entries(row)
      .filter(([key]) => !OVER.has(key))
      .map(([key, value]) => {
        if (key === "id") {
          const limit = table === "flex_sync.outbox" ? operation : table === "flex_sync.syncs" ? sync : -1;
          return [key, Number(value) <= limit ? value : "new"];
        }
        if (/_at$|_until$|_since$|^deadline$/.test(key)) return [key, value !== null];
        const limit = limits[key];
        return [key, limit !== undefined && Number(value) > limit ? "new" : value];
      });
  return Object.entries(rows)
    .map(
      ([table, all]) =>
        `${table}\n${all
          .map((row) => JSON.stringify(plain(table, row)))
          .toSorted()
          .join("\n")}`,
    )
    .join("\n");
}
