import type { Sql } from "postgres";

/** Everything that an installation makes in a database, in words: two databases are alike if these are equal. */
export async function catalogue(sql: Sql, schemas: string[] = ["flex_sync", "public"]): Promise<string[]> {
  const rows = await sql<{ entry: string }[]>`
    with spaces as (select oid, nspname from pg_namespace where nspname = any (${schemas})),
    relations as (select pg_class.* from pg_class join spaces on spaces.oid = relnamespace)
    select concat_ws(' ', 'schema', nspname, nspacl::text, obj_description(pg_namespace.oid)) as entry
    from pg_namespace where oid in (select oid from spaces)
    union all
    select concat_ws(' ', 'relation', oid::regclass, relkind, relacl::text, relrowsecurity, obj_description(oid, 'pg_class'),
      case when relkind in ('v', 'm') then pg_get_viewdef(oid) when relkind = 'i' then pg_get_indexdef(oid) end)
    from relations
    union all
    select concat_ws(' ', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
      attacl::text, col_description(attrelid, attnum), pg_get_expr(adbin, adrelid))
    from pg_attribute join relations on relations.oid = attrelid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attnum > 0 and not attisdropped
    union all
    select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint where connamespace in (select oid from spaces)
    union all
    select concat_ws(' ', 'function', pg_get_functiondef(oid), proacl::text, obj_description(oid, 'pg_proc'))
    from pg_proc where pronamespace in (select oid from spaces) and prokind in ('f', 'p')
    union all
    select concat_ws(' ', 'trigger', pg_get_triggerdef(oid))
    from pg_trigger where tgrelid in (select oid from relations) and not tgisinternal
    union all
    select concat_ws(' ', 'policy', polrelid::regclass, polname, polcmd, pg_get_expr(polqual, polrelid))
    from pg_policy where polrelid in (select oid from relations)
    order by entry`;
  return rows.map(({ entry }) => entry);
}
