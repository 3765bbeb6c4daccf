import { expect, test } from "vitest";
import { readSyncs } from "../../src/face/read-overview.ts";
import { createDatabase } from "../postgres/database.ts";

test("the last syncs are the newest, also of more than nine", async () => {
  const { sql } = await createDatabase();
  const ids = await sql<{ id: string }[]>`
    insert into flex_sync.syncs (crew_call_id, flex_element_id, requested_at, last_requested_at, finished_at)
    select gen_random_uuid(), 'e' || number, now(), now(), now() from generate_series(1, 12) as number
    returning id::text`;

  const syncs = await sql.begin((transaction) => readSyncs(transaction, null, 3));

  expect(syncs.map(({ id }) => id)).toEqual(
    ids
      .slice(-3)
      .reverse()
      .map(({ id }) => id),
  );
});
