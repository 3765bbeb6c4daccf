import { expect, test } from "vitest";
import { createDatabase } from "../postgres/database.ts";

test("a role code's tier is what comes after its last dash, in capitals", async () => {
  const { sql } = await createDatabase();
  const tiers: Record<string, string | null> = {
    "SND-FOH-R": "R",
    "SND-RF-E": "E",
    "foh- r ": "R",
    "-t": "T",
    "R\n-T": "T",
    "A-B\nC": "B\nC",
    FOH: null,
    "FOH-": null,
    "FOH--": null,
    "-": null,
    "": null,
  };
  const rows = await sql<{ code: string; tier: string | null }[]>`
    select code, flex_sync.tier_of(code) as tier from unnest(${Object.keys(tiers)}::text[]) as code`;
  expect(Object.fromEntries(rows.map(({ code, tier }) => [code, tier]))).toEqual(tiers);
  expect((await sql`select flex_sync.tier_of(null) as tier`)[0]?.tier).toBe(null);
});
