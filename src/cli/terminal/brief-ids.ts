/** Like git: so many letters, or as many as it takes to tell them apart. */
const SHORTEST = 8;

/** Ids cut to the shortest beginning that tells each from the others. */
export function briefIds(ids: readonly (string | null | undefined)[]): (id: string) => string {
  const distinct = [...new Set(ids.filter((id) => id !== null && id !== undefined))];
  let length = SHORTEST;
  while (new Set(distinct.map((id) => id.slice(0, length))).size < distinct.length) length += 1;
  // A beginning that ends in a dash reads like something cut off.
  return (id) => id.slice(0, length).replace(/-$/, "");
}
