import type { Sql } from "postgres";
import { request } from "undici";

/** Whom a caller adds where, and in what table it writes that down. */
export type CrewToAdd = {
  sql: Sql;
  baseUrl: string;
  token: string;
  crewCall: string;
  element: string;
  people: { technician: string; resource: string }[];
  role: string;
};

/** Whatever follows the HTTP calls of a crew sync that makes one call at a time. @returns how many calls it made */
export type OneAtATime = (crew: CrewToAdd) => Promise<number>;

/** A careful caller of today: it reads the element again after each add, to see that the line is really there, once. */
export const readingAfterEachAdd: OneAtATime = async (crew) => {
  const flex = flexOf(crew);
  let present = await flex.readResources();
  for (const { technician, resource } of crew.people) {
    if (present.includes(resource)) continue;
    const line = await flex.add(resource);
    present = await flex.readResources();
    if (present.filter((other) => other === resource).length !== 1)
      throw new Error(`${resource} is not there once`);
    await flex.setRole(line);
    await remember(crew, technician, line);
  }
  return flex.calls();
};

/** How many ways of listing the audited function tried before it pruned: 3 to 5. The least, in its favour. */
export const LIST_ATTEMPTS = 3;

/** As the audited edge function did: one reading, then an add and a role for each person, then lists to prune from. */
export const asTheAuditedFunction: OneAtATime = async (crew) => {
  const flex = flexOf(crew);
  const present = await flex.readResources();
  for (const { technician, resource } of crew.people.filter((person) => !present.includes(person.resource))) {
    const line = await flex.add(resource);
    await flex.setRole(line);
    await remember(crew, technician, line);
  }
  for (let attempt = 0; attempt < LIST_ATTEMPTS; attempt += 1) await flex.readResources();
  return flex.calls();
};

async function remember({ sql, crewCall }: CrewToAdd, technician: string, line: string): Promise<void> {
  await sql`insert into flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
    values (${crewCall}, ${technician}, ${line})`;
}

function flexOf({ baseUrl, token, element, role }: CrewToAdd) {
  let made = 0;
  async function call(method: "GET" | "POST", path: string, type?: string, body?: string): Promise<unknown> {
    made += 1;
    const answer = await request(`${baseUrl}/line-item/${element}/${path}`, {
      method,
      headers: { "x-auth-token": token, ...(type ? { "content-type": type } : {}) },
      ...(body === undefined ? {} : { body }),
    });
    if (answer.statusCode !== 200) throw new Error(`${method} ${path} answered ${answer.statusCode}`);
    return answer.body.json();
  }
  return {
    calls: () => made,
    async readResources(): Promise<string[]> {
      const rows = await call("GET", "row-data/?codeList=contact&codeList=business-role&node=root");
      return (rows as { resourceId: string }[]).map((row) => row.resourceId);
    },
    async add(resource: string): Promise<string> {
      const form =
        "resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=";
      const answer = await call(
        "POST",
        `add-resource/${resource}`,
        "application/x-www-form-urlencoded",
        form,
      );
      return (answer as { addedResourceLineIds: [string] }).addedResourceLineIds[0];
    },
    async setRole(line: string): Promise<void> {
      const cell = { lineItemId: line, fieldType: "business-role", payloadValue: role };
      await call("POST", "row-data/", "application/json", JSON.stringify(cell));
    },
  };
}
