import type { Sql, TransactionSql } from "postgres";

/** What the host calls people, by technician id; only of whom it has a name. */
export async function namesOfPeople(
  sql: Sql | TransactionSql,
  technicianIds: readonly (string | null)[],
): Promise<Map<string, string>> {
  const ids = [...new Set(technicianIds.filter((id) => id !== null))];
  if (ids.length === 0) return new Map();
  // name_of answers the name and the id.
  const rows = await sql<{ id: string; name: string }[]>`
    select person.id, btrim(replace(flex_sync.name_of(person.id::uuid), person.id, '')) as name
    from unnest(string_to_array(${ids.join(",")}::text, ',')) as person (id)`;
  return new Map(rows.flatMap(({ id, name }) => (name === "" ? [] : [[id, name] as const])));
}

/** A name, where there is one, and the id. */
export function named(name: string | null | undefined, id: string): string {
  return name ? `${name} ${id}` : id;
}
