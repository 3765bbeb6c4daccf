import { expect, test } from "vitest";
import { ana, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { sync } from "./asking.ts";

test("how long ago a time was", async () => {
  const { sql } = await createDatabase();
  const [row] = await sql`select flex_sync.ago(flex_sync.clock() + interval '5 s') as ahead,
    flex_sync.ago(flex_sync.clock() - interval '119 s') as seconds,
    flex_sync.ago(flex_sync.clock() - interval '4 min 30 s') as minutes,
    flex_sync.ago(flex_sync.clock() - interval '47 h') as hours, flex_sync.ago(flex_sync.clock() - interval '50 h') as days,
    flex_sync.ago(null) as never`;
  expect(row).toEqual({
    ahead: "0 s",
    seconds: "119 s",
    minutes: "4 min",
    hours: "47 h",
    days: "2 days",
    never: null,
  });
});

test("what never happened has no age in the views", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  const ages = () => sql`select observed_ago, last_sync_ago, since_ago
    from flex_sync.crew_call_status join flex_sync.crew_status using (crew_call_id)`;
  expect(await ages()).toEqual([{ observed_ago: null, last_sync_ago: null, since_ago: null }]);
  await sync(sql, call);
  const some = expect.stringMatching(/^\d+ s$/);
  expect(await ages()).toEqual([{ observed_ago: some, last_sync_ago: some, since_ago: some }]);
});
