import { expect, test } from "vitest";
import { createDatabase } from "../postgres/database.ts";
import { NO_RACE } from "./locks.ts";
import { PARTICIPANTS } from "./participants.ts";

/** Whatever takes a lock of its own or writes a row, in the text of a function. */
const LOCKS = /pg_(try_)?advisory|for (no key )?(update|share)\b|insert into|delete from|\bupdate\s+[\w.]+/i;

test("every function that somebody may call and that takes locks is in the races", async () => {
  const { sql } = await createDatabase();
  const functions = await sql<{ name: string; text: string; callable: boolean }[]>`
    select p.proname as name, string_agg(p.prosrc, ' ') as text,
      bool_or(has_function_privilege('flex_sync_app', p.oid, 'execute')
        or has_function_privilege('flex_sync_drainer', p.oid, 'execute')
        or has_function_privilege('flex_sync_operator', p.oid, 'execute')) as callable
    from pg_proc p
    where (p.pronamespace = 'flex_sync'::regnamespace or p.proname in ('sync_crew_call', 'sync_crew_for_job'))
      and p.prorettype <> 'trigger'::regtype
    group by p.proname`;
  const texts = new Map(functions.map(({ name, text }) => [name, text.replaceAll(/--.*$|'[^']*'/gm, "")]));
  const locking = new Set<string>();
  for (let before = -1; before < locking.size; ) {
    before = locking.size;
    for (const [name, text] of texts) {
      const calls = [...text.matchAll(/\b(\w+)\s*\(/g)].map(([, called]) => called ?? "");
      if (LOCKS.test(text) || calls.some((called) => called !== name && locking.has(called)))
        locking.add(name);
    }
  }
  expect(locking).toContain("lock_element");
  const callable = functions
    .filter(({ name, callable: is }) => is && locking.has(name))
    .map(({ name }) => name);
  const raced = new Set([...PARTICIPANTS.flatMap(({ calls }) => calls), ...Object.keys(NO_RACE)]);
  expect(callable.filter((name) => !raced.has(name))).toEqual([]);
  expect([...raced].filter((name) => !callable.includes(name))).toEqual([]);
});
