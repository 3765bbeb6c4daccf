import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HostedDatabase, startHosted, tryAs } from "./hosted-database.ts";
import { PRIVILEGES, type Privilege, RELATIONS, ROLES } from "./matrix.ts";

interface Relation {
  name: string;
  is_view: boolean;
  /** A column that may be written. */
  column: string;
}

let hosted: HostedDatabase;
let relations: Relation[];

beforeAll(async () => {
  hosted = await startHosted();
  relations = await hosted.sql<Relation[]>`
    select pg_class.relname as name, pg_class.relkind = 'v' as is_view, (
      select attname from pg_attribute
      where attrelid = pg_class.oid and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = ''
      order by attnum limit 1
    ) as column
    from pg_class
    where pg_class.relnamespace = 'flex_sync'::regnamespace and pg_class.relkind in ('r', 'p', 'v', 'm')
    order by 1`;
});

afterAll(() => hosted.stop());

const using = ({ name, column }: Relation): Partial<Record<Privilege, string>> => ({
  SELECT: `select from flex_sync.${name}`,
  INSERT: `insert into flex_sync.${name} (${column}) select ${column} from flex_sync.${name} where false`,
  UPDATE: `update flex_sync.${name} set ${column} = ${column} where false`,
  DELETE: `delete from flex_sync.${name} where false`,
  TRUNCATE: `truncate flex_sync.${name}`,
});

test("every table and view has its place in the matrix", () => {
  expect(relations.map(({ name }) => name)).toEqual([...RELATIONS.keys()].toSorted());
});

describe("nobody may do with a table or view what the matrix does not say", () => {
  test.each([...ROLES, "a plain login role", "public"] as const)("%s", async (role) => {
    const name = role === "a plain login role" ? hosted.plain : role;
    const rows = await hosted.sql<{ name: string; held: Privilege[] }[]>`
      select pg_class.relname as name, coalesce(array_agg(privilege order by position) filter (
        where has_table_privilege(${name}, pg_class.oid, privilege)
          or (privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege(${name}, pg_class.oid, privilege))
      ), '{}') as held
      from pg_class, unnest(${PRIVILEGES}::text[]) with ordinality as wanted (privilege, position)
      where pg_class.relnamespace = 'flex_sync'::regnamespace and pg_class.relkind in ('r', 'p', 'v', 'm')
      group by pg_class.relname`;
    const expected = relations.map((relation) => [
      relation.name,
      (role !== "public" && role !== "a plain login role" && RELATIONS.get(relation.name)?.[role]) || [],
    ]);
    expect(Object.fromEntries(rows.map((row) => [row.name, row.held]))).toEqual(Object.fromEntries(expected));
  });

  test.each([...ROLES, "a plain login role"] as const)("as the statements of %s tell", async (role) => {
    const wrong: string[] = [];
    for (const relation of relations.filter(({ is_view }) => !is_view))
      for (const [privilege, statement] of Object.entries(using(relation))) {
        const allowed =
          role !== "a plain login role" &&
          RELATIONS.get(relation.name)?.[role]?.includes(privilege as Privilege);
        const became = await tryAs(
          hosted.sql,
          role === "a plain login role" ? hosted.plain : role,
          statement,
        );
        if (became !== (allowed ? "ok" : "42501")) wrong.push(`${statement}: ${became}`);
      }
    expect(wrong).toEqual([]);
  });

  test("and no column or sequence has privileges of its own", async () => {
    expect(
      await hosted.sql`select attrelid::regclass, attname, attacl from pg_attribute
        join pg_class on pg_class.oid = attrelid
        where relnamespace = 'flex_sync'::regnamespace and attacl is not null`,
    ).toEqual([]);
    expect(
      await hosted.sql`select pg_class.oid::regclass, granted.grantee::regrole, granted.privilege_type
        from pg_class cross join lateral aclexplode(relacl) as granted
        where relnamespace = 'flex_sync'::regnamespace and relkind = 'S' and granted.grantee <> relowner`,
    ).toEqual([]);
  });
});

describe("the schema", () => {
  test("is used by the three roles and created in by none", async () => {
    const rows = await hosted.sql`
      select role, has_schema_privilege(role, 'flex_sync', 'usage') as usage, has_schema_privilege(role, 'flex_sync', 'create') as create
      from unnest(${[...ROLES, hosted.plain]}::text[]) as role`;
    const usage = ["service_role", "flex_sync_app", "flex_sync_drainer", "flex_sync_operator"];
    expect(rows).toEqual(
      [...ROLES, hosted.plain].map((role) => ({ role, usage: usage.includes(role), create: false })),
    );
  });

  test.each([...ROLES, "a plain login role"] as const)("takes nothing of %s", async (role) => {
    const name = role === "a plain login role" ? hosted.plain : role;
    for (const statement of [
      "create table flex_sync.mine ()",
      "create function flex_sync.mine() returns int language sql as 'select 1'",
      "create or replace function flex_sync.may_sync(crew_call_id uuid) returns boolean language sql as 'select true'",
      "create or replace function flex_sync.clock() returns timestamptz language sql as 'select now()'",
      "create or replace view flex_sync.desired_crew as select null::uuid, null::uuid, null::text, null::text",
      'alter table flex_sync.settings drop constraint "settings has one row"',
      "create trigger mine before insert on flex_sync.outbox execute function suppress_redundant_updates_trigger()",
      "drop schema flex_sync cascade",
    ])
      expect([statement, await tryAs(hosted.sql, name, statement)]).toEqual([statement, "42501"]);
  });
});

describe("a role", () => {
  test.each([...ROLES, "a plain login role"] as const)("%s becomes no other", async (role) => {
    const name = role === "a plain login role" ? hosted.plain : role;
    const [me] = await hosted.sql<[{ name: string }]>`select current_user as name`;
    const reached: string[] = [];
    for (const other of [...ROLES, me.name].filter((other) => other !== name))
      if ((await tryAs(hosted.sql, name, `set role ${other}`)) === "ok") reached.push(other);
    expect(reached).toEqual(role === "service_role" ? ["flex_sync_app"] : []);
  });

  test("of ours cannot log in and has no attribute that reaches further", async () => {
    expect(
      await hosted.sql`select rolname from pg_roles where rolname like 'flex\\_sync\\_%'
        and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)`,
    ).toEqual([]);
  });
});
