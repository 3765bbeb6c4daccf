import type { Sql } from "postgres";
import type { CrewCall, Person } from "../crew-call.ts";
import { drainWith, type Hook } from "./drain-with.ts";

/** What sync_crew_call answers. */
export interface Answer {
  crew_call_id: string;
  flex_element_id: string | null;
  sync_id: number | null;
  condition: string;
  observed_at: string | null;
  stale: { technician_id: string; flex_line_item_id: string }[] | null;
  to_add: { technician_id: string; flex_resource_id: string }[];
  to_remove: { technician_id: string | null; flex_line_item_id: string; reason: string }[];
  to_set_role: { technician_id: string; flex_role_id: string }[];
  held: { technician_id: string | null; flex_line_item_id: string; reason: string }[] | null;
  plan: string | null;
  kept: number;
  unmapped: { technician_id: string; reason: string }[];
}

export async function request(
  sql: Sql,
  call: Pick<CrewCall, "id">,
  { allowMassRemoval = false }: { allowMassRemoval?: boolean } = {},
): Promise<Answer> {
  const [row] =
    await sql`select sync_crew_call(${call.id}, allow_mass_removal => ${allowMassRemoval}) as answer`;
  return row?.answer;
}

export async function dryRun(sql: Sql, call: Pick<CrewCall, "id">): Promise<Answer> {
  const [row] = await sql`select sync_crew_call(${call.id}, true) as answer`;
  return row?.answer;
}

/** Request and drain until nothing is due any more. */
export async function sync(sql: Sql, call: CrewCall, hook?: Hook): Promise<Answer> {
  const answer = await request(sql, call);
  await drainWith(sql, call.flex, hook);
  return answer;
}

/** Condition and reason, as `synced` or `pending queued`. */
export async function conditionOf(sql: Sql, call: Pick<CrewCall, "id">): Promise<string> {
  const [row] =
    await sql`select concat_ws(' ', condition, reason) as condition from flex_sync.crew_call_status
    where crew_call_id = ${call.id}`;
  return row?.condition ?? "no row";
}

export async function conditionOfPerson(sql: Sql, call: Pick<CrewCall, "id">, who: Person): Promise<string> {
  const [row] = await sql`select concat_ws(' ', condition, reason) as condition from flex_sync.crew_status
    where crew_call_id = ${call.id} and technician_id = ${who.id}`;
  return row?.condition ?? "no row";
}

/** technician_id → line id, as the host's table says. */
export async function recordedIn(sql: Sql, call: Pick<CrewCall, "id">): Promise<Record<string, string>> {
  const rows = await sql`select technician_id, flex_line_item_id from flex_crew_assignments
    where crew_call_id = ${call.id} order by technician_id`;
  return Object.fromEntries(rows.map((row) => [row.technician_id, row.flex_line_item_id]));
}

/** Operations as `add pending`, in the order they were made; observes are left out. */
export async function operations(sql: Sql, { element }: Pick<CrewCall, "element">): Promise<string[]> {
  const rows = await sql`select kind || ' ' || state as is from flex_sync.outbox
    where flex_element_id = ${element.trim().toLowerCase()} and kind <> 'observe' order by id`;
  return rows.map((row) => row.is);
}

/** The newest operation of a kind. */
export async function newest(sql: Sql, call: Pick<CrewCall, "element">, kind: string) {
  const [row] = await sql`select * from flex_sync.outbox
    where flex_element_id = ${call.element} and kind = ${kind} order by id desc limit 1`;
  if (!row) throw new Error(`no ${kind} was ever planned`);
  return row;
}

/** The newest sync of an element. */
export async function lastSync(sql: Sql, { element }: Pick<CrewCall, "element">) {
  const [row] =
    await sql`select * from flex_sync.syncs where flex_element_id = ${element} order by id desc limit 1`;
  if (!row) throw new Error("nobody requested a sync");
  return row;
}
