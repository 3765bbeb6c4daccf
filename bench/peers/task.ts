import { Pool } from "undici";

/** One operation: the same HTTP call and the same row, whoever makes it. */
export type Task = { crewCall: string; technician: string; element: string; resource: string };

/** Runs one statement, on whatever pool the peer brings. */
export type RunStatement = (text: string, values: unknown[]) => Promise<unknown>;

/** The host's table, as flex-crew-sync would have made it. */
export const HOST_TABLE = `create table flex_crew_assignments (
  id uuid primary key default gen_random_uuid(), crew_call_id uuid not null, technician_id uuid not null,
  flex_line_item_id text, created_at timestamptz not null default now(), unique (crew_call_id, technician_id))`;

const UPSERT = `insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) values ($1, $2, $3)
  on conflict (crew_call_id, technician_id) do update set flex_line_item_id = excluded.flex_line_item_id`;
const FORM =
  "resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=";
const HEADERS = {
  "x-auth-token": "of-the-bench",
  accept: "application/json",
  "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
};

/** Makes the HTTP call of a task with undici, as flex-crew-sync does, and writes the line down. */
export function createPerformer(flexBaseUrl: string, connections: number, run: RunStatement) {
  const base = new URL(flexBaseUrl);
  const flex = new Pool(base.origin, { connections });
  return async ({ crewCall, technician, element, resource }: Task): Promise<void> => {
    const { statusCode, body } = await flex.request({
      method: "POST",
      path: `${base.pathname}/line-item/${element}/add-resource/${resource}`,
      headers: HEADERS,
      body: FORM,
    });
    const answer = (await body.json()) as { addedResourceLineIds: [string] };
    if (statusCode !== 200) throw new Error(`Flex answered ${statusCode}`);
    await run(UPSERT, [crewCall, technician, answer.addedResourceLineIds[0]]);
  };
}

const id = (family: string, number: number) => `${family}-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** The task of this number, from 0. */
export function taskOf(number: number, people: number): Task {
  const [crewCall, person] = [Math.floor(number / people) + 1, (number % people) + 1];
  return {
    crewCall: id("51000000", crewCall),
    technician: id("21000000", person),
    element: id("61000000", crewCall),
    resource: id("31000000", person),
  };
}
