import type { Sql } from "postgres";
import type { FlexInMemory } from "./flex-in-memory.ts";
import { moveClock } from "./move-clock.ts";

/** A row of claim_operations. */
export interface Claimed {
  id: string;
  kind: "observe" | "add" | "set_role" | "remove";
  token: string;
  flex_element_id: string;
  flex_resource_id: string | null;
  flex_line_item_id: string | null;
  flex_role_id: string | null;
  attempts: number;
  lease_ms: number;
  call_number: string;
}

/** Another answer than Flex's own: a class of record_failure. `landed` says whether Flex did it all the same. */
export interface Failure {
  outcome: string;
  status?: number | null;
  error?: string;
  retryAfter?: string;
  landed?: boolean;
}

/** What happens to one operation; nothing, `undefined`, is that Flex answers. `lost` is that nobody ever reports. */
export type Hook = (operation: Claimed) => Failure | "lost" | undefined;

export async function claim(sql: Sql, slots = 50): Promise<Claimed[]> {
  return sql<Claimed[]>`select * from flex_sync.claim_operations('test', ${slots}, '15 s')`;
}

/** Do what one operation says in the in-memory Flex; answers the id of an added line. */
export function send(flex: FlexInMemory, operation: Claimed): string {
  const { flex_element_id: element, flex_line_item_id: line, flex_role_id: role } = operation;
  const subject = operation.kind === "add" ? operation.flex_resource_id : line;
  flex.writes.push([operation.kind, subject, ...(role ? [role] : [])].join(" "));
  if (operation.kind === "add") return flex.add(element, operation.flex_resource_id);
  if (operation.kind === "set_role") flex.setRole(element, line ?? "", role ?? "");
  if (operation.kind === "remove") flex.remove(element, line ?? "");
  return "";
}

/** Let Flex answer one claimed operation, and record the answer. */
export async function answer(sql: Sql, flex: FlexInMemory, operation: Claimed, hook?: Hook): Promise<string> {
  const other = hook?.(operation);
  if (other) {
    if (typeof other === "object" && other.landed) send(flex, operation);
    return other === "lost" ? "lost" : fail(sql, operation, other);
  }
  if (operation.kind === "observe") return observe(sql, flex, operation);
  const line = send(flex, operation);
  const { id, token } = operation;
  const [row] =
    operation.kind === "add"
      ? await sql`select flex_sync.record_add(${id}, ${token}, ${line}) as result`
      : operation.kind === "set_role"
        ? await sql`select flex_sync.record_set_role(${id}, ${token}) as result`
        : await sql`select flex_sync.record_remove(${id}, ${token}, 204) as result`;
  return row?.result;
}

export async function fail(sql: Sql, operation: Claimed, failure: Failure): Promise<string> {
  const { outcome, status = null, error = outcome, retryAfter = null } = failure;
  const [row] = await sql`select flex_sync.record_failure(
    ${operation.id}, ${operation.token}, ${outcome}, ${status}, ${error}, ${retryAfter}::interval) as result`;
  return row?.result;
}

/** Record what the element shows now; asks for its identity when that is wanted. */
export async function observe(sql: Sql, flex: FlexInMemory, operation: Claimed): Promise<string> {
  const lines = flex.linesOf(operation.flex_element_id);
  const result = await recordLines(sql, operation, lines);
  if (result !== "identity_needed") return result;
  await sql`select flex_sync.claim_call('test', 'identity', '15 s', ${operation.id})`;
  const gone = flex.gone.has(operation.flex_element_id);
  return recordLines(sql, operation, lines, gone ? "gone" : "present");
}

export async function recordLines(
  sql: Sql,
  operation: Claimed,
  lines: unknown,
  identity: string | null = null,
): Promise<string> {
  const [row] = await sql`select flex_sync.record_observation(
    ${operation.id}, ${operation.token}, ${sql.json(lines as never)}, ${identity}) as result`;
  return row?.result;
}

/** One step of a drainer: what is due now is claimed and answered. Answers what was claimed. */
export async function step(sql: Sql, flex: FlexInMemory, hook?: Hook): Promise<Claimed[]> {
  await sql`select flex_sync.tick()`;
  const operations = await claim(sql);
  for (const operation of operations) await answer(sql, flex, operation, hook);
  return operations;
}

/** Drain until nothing is due at this time. */
export async function drainWith(sql: Sql, flex: FlexInMemory, hook?: Hook): Promise<Claimed[]> {
  const all: Claimed[] = [];
  for (let steps = 0; steps < 400; steps += 1) {
    const operations = await step(sql, flex, hook);
    if (operations.length === 0) return all;
    all.push(...operations);
  }
  throw new Error("the drainer never came to rest");
}

/** Drain, and move the clock to whatever waits for time, until nothing waits within ten minutes. */
export async function settleWith(sql: Sql, flex: FlexInMemory, hook?: Hook): Promise<Claimed[]> {
  const all: Claimed[] = [];
  for (let waits = 0; waits < 100; waits += 1) {
    all.push(...(await drainWith(sql, flex, hook)));
    const [next] = await sql<[{ wait: string | null }]>`select wait::text from (
      select greatest(at - flex_sync.clock(), '1 ms') as wait from flex_sync.next_work_at() as at where at is not null
      ) as next where wait < interval '10 min'`;
    if (!next?.wait) return all;
    await moveClock(sql, next.wait);
  }
  throw new Error("something always waits for time to pass");
}
