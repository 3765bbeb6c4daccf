import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/drainer/database.ts";
import { createQueue } from "../../src/drainer/queue.ts";
import { createDatabase } from "../postgres/database.ts";
import { claimed } from "./stand-in.ts";

test("what records gives up waiting for the host's locks by itself, and that setting stays with the statement", async () => {
  const { url, sql } = await createDatabase();
  const database = openDatabase(url);
  onTestFinished(() => database.close());
  await sql.unsafe(`create or replace function flex_sync.record_remove(operation_id bigint, token uuid, http_status int default 200)
    returns text language sql as $$ select current_setting('lock_timeout') $$`);
  const queue = createQueue(database.query, "test", 1_000);
  expect(await queue.recordRemove(claimed({ id: "1", kind: "remove" }), 200)).toBe("10s");
  expect(await database.query`select current_setting('lock_timeout') as value`).toEqual([{ value: "0" }]);
});
