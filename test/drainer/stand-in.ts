import { newDb } from "pg-mem";
import type { ClaimedOperation, Query } from "../../src/drainer/queue.ts";

/** Answers of the SQL functions by name; a function gets the statement's values in order. */
export type Functions = Record<string, (...values: unknown[]) => unknown>;

/** A function that never answers. */
export const hangs = (): null => null;

export type StandIn = { query: Query; called: { name: string; values: unknown[] }[] };

/**
 * A database in memory behind the daemon's `Query` seam: pg-mem with the SQL functions registered in TypeScript. It says
 * something about the daemon's TypeScript and nothing about SQL: of each statement only the function and its values are
 * kept, since pg-mem 3.0 has no functions in `from`, no arrays from subqueries and no infinite times. Errors, which it
 * answers by hanging, go round it.
 */
export function standIn(functions: Functions): StandIn {
  const called: StandIn["called"] = [];
  const db = newDb();
  const errors: unknown[] = [];
  const schema = db.createSchema("flex_sync");
  for (const [name, answer] of Object.entries(functions)) {
    schema.registerFunction({
      name,
      argsVariadic: "text" as never,
      returns: "text" as never,
      allowNullArguments: true,
      impure: true,
      implementation: (...values: unknown[]) => {
        called.push({ name, values });
        try {
          return JSON.stringify({ value: answer(...values) ?? null });
        } catch (error) {
          errors.push(error);
          return JSON.stringify({ error: errors.length - 1 });
        }
      },
    });
  }
  const { Client } = db.adapters.createPg();
  const client = new Client();
  const query: Query = async (text, ...values) => {
    const name = /flex_sync\.(\w+)\(/.exec(text.join(""))?.[1];
    if (!name || !(name in functions)) throw new Error(`the stand-in has no ${text.join("?")}`);
    const parameters = values.map((_, index) => `$${index + 1}::text`).join(", ");
    if (functions[name] === hangs) return new Promise(() => {});
    const { rows } = await client.query(`select flex_sync.${name}(${parameters}) as value`, values);
    const [row] = rows as { value: string }[];
    const { value, error } = JSON.parse(row?.value ?? "{}") as { value?: unknown; error?: number };
    if (error !== undefined) throw errors[error];
    return Array.isArray(value) ? value : [{ value }];
  };
  return { query, called };
}

/** An operation as `claim_operations` answers it. */
export function claimed(operation: Partial<ClaimedOperation> & { id: string }): ClaimedOperation {
  return {
    kind: "add",
    token: "00000000-0000-4000-8000-000000000001",
    flex_element_id: "253878cc-af31-11df-b8d5-00e08175e43e",
    flex_resource_id: "325d24ef-814a-44e0-aee4-da065d3e9b51",
    flex_line_item_id: null,
    flex_role_id: null,
    attempts: 1,
    lease_ms: 30_000,
    call_number: operation.id,
    ...operation,
  };
}
