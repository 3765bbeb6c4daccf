import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ana, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { sync } from "../functions/asking.ts";
import { type HostedDatabase, startHosted, tryAs } from "./hosted-database.ts";
import { FUNCTIONS, ROLES } from "./matrix.ts";

interface Function {
  name: string;
  signature: string;
  arguments: { name: string; type: string }[];
}

let hosted: HostedDatabase;
let call: CrewCall;
let functions: Function[];

beforeAll(async () => {
  hosted = await startHosted();
  call = await makeCrewCall(hosted.sql, { desired: [ana] });
  await sync(hosted.sql, call);
  functions = await hosted.sql<Function[]>`
    select pg_proc.proname as name, pg_proc.oid::regprocedure::text as signature,
      (
        select coalesce(json_agg(json_build_object('name', pg_proc.proargnames[position], 'type', format_type(type, null)) order by position), '[]')
        from unnest(pg_proc.proargtypes::oid[]) with ordinality as argument (type, position)
      ) as arguments
    from pg_proc
    where pg_proc.pronamespace = 'flex_sync'::regnamespace
      or (pg_proc.pronamespace = 'public'::regnamespace and pg_proc.proname like 'sync_crew%')
    order by 1, 2`;
});

afterAll(() => hosted.stop());

/** A call with arguments that mean something. */
function calling({ signature, arguments: wanted }: Function): string {
  const known: Record<string, string> = {
    crew_call_id: `'${call.id}'`,
    job_id: `'${call.job}'`,
    flex_element_id: `'${call.element}'`,
    operation_id: "1",
    drainer: "'a drainer'",
    kind: "'user'",
    slots: "1",
    deadline: "'15 s'",
    policy: "'owned'",
    token: "gen_random_uuid()",
    outcome: "'not_sent'",
    lines: "'[]'",
    reason: "'a reason'",
  };
  const values = wanted.map(({ name, type }) => {
    const value = known[name] ?? "null";
    // A deadline is an interval where a drainer states it, and a time inside.
    return type === "timestamp with time zone" ? "now()" : `${value}::${type}`;
  });
  return `select ${signature.slice(0, signature.indexOf("("))}(${values.join(", ")})`;
}

test("every function has its place in the matrix", () => {
  expect(functions.map(({ name }) => name)).toEqual([...FUNCTIONS.keys()].toSorted());
});

describe("every function can be executed by whom the matrix names, and by nobody else", () => {
  test.each([...ROLES, "a plain login role"] as const)("%s", async (role) => {
    const tried: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const one of functions) {
      const allowed = role !== "a plain login role" && FUNCTIONS.get(one.name)?.includes(role);
      expected[one.signature] = allowed ? "works" : "42501";
      const became = await tryAs(
        hosted.sql,
        role === "a plain login role" ? hosted.plain : role,
        calling(one),
      );
      // An own code is an answer too: nobody holds this claim, nothing is held, ….
      tried[one.signature] = /^(ok|[A-Z]{5})$/.test(became) ? "works" : became;
    }
    expect(tried).toEqual(expected);
  });

  test("as the catalogue says it too, PUBLIC included", async () => {
    const granted = await hosted.sql<{ name: string; grantees: string[] }[]>`
      select pg_proc.proname as name, array_agg(distinct case granted.grantee when 0 then 'PUBLIC' else granted.grantee::regrole::text end)
        filter (where granted.grantee <> pg_proc.proowner) as grantees
      from pg_proc
      cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) as granted
      where pg_proc.pronamespace = 'flex_sync'::regnamespace
        or (pg_proc.pronamespace = 'public'::regnamespace and pg_proc.proname like 'sync_crew%')
      group by pg_proc.oid, pg_proc.proname`;
    const told = granted.map(({ name, grantees }) => [name, grantees ?? []]);
    const wanted = functions.map(({ name }) => [name, (FUNCTIONS.get(name) ?? []).toSorted()]);
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(wanted));
  });
});
