import { expect, test } from "vitest";
import { ana, makeCrewCall } from "../crew-call.ts";
import { sync } from "../functions/asking.ts";
import { moveClock } from "../functions/move-clock.ts";
import { createDatabase } from "../postgres/database.ts";

test("every number that grows is a bigint, and no sequence begins anew", async () => {
  const { sql } = await createDatabase();
  expect(
    await sql`select seqrelid::regclass::text as name from pg_sequence join pg_class on pg_class.oid = seqrelid
      where relnamespace = 'flex_sync'::regnamespace
        and (seqcycle or seqtypid <> 'bigint'::regtype or seqmax < 9223372036854775807)`,
  ).toEqual([]);
  // Ids of our own rows, wherever they are named.
  const [ids] = await sql<
    [{ named: string[] }]
  >`select array_agg(attrelid::regclass || '.' || attname order by 1) as named
    from pg_attribute join pg_class on pg_class.oid = attrelid
    where relnamespace = 'flex_sync'::regnamespace and relkind in ('r', 'p') and attnum > 0 and not attisdropped
      and (attidentity <> '' or attname ~ '(^|_)(id|number)$') and atttypid in ('int2'::regtype, 'int4'::regtype)`;
  expect(ids.named).toBeNull();
});

test("an operation and a call beyond two billion are what they were", async () => {
  const { sql } = await createDatabase();
  await sql`alter table flex_sync.outbox alter id restart with 3000000000`;
  await sql`alter table flex_sync.syncs alter id restart with 4000000000`;
  await sql`insert into flex_sync.calls (number, made_at, kind) values (5000000000, now() - interval '40 days', 'user')`;
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call);
  expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  expect(await sql`select number, operation_id, sync_id from flex_sync.calls order by number`).toMatchObject([
    {},
    { number: "5000000001" },
    { number: "5000000002", sync_id: "4000000000" },
  ]);
  expect(await sql`select hourly from flex_sync.calls_left()`).toEqual([{ hourly: "1998" }]);
});

test("numbers of calls go on after all calls before were forgotten", async () => {
  const { sql } = await createDatabase();
  await sql`update flex_sync.settings set retention = '2 days'`;
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call);
  await moveClock(sql, "40 days");
  await sql`select flex_sync.trim_history()`;
  expect(await sql`select monthly from flex_sync.calls_left()`).toEqual([{ monthly: "100000" }]);
  await sync(sql, call);
  expect(await sql`select number from flex_sync.calls order by number`).toEqual([
    { number: "2" },
    { number: "3" },
  ]);
  expect(await sql`select monthly from flex_sync.calls_left()`).toEqual([{ monthly: "99999" }]);
});
