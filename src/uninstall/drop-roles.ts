import type { DatabaseClient } from "../migrations/database-client.ts";

/** Who else holds a role, in words; no row where nobody does. Parameter: the role. */
const OTHER_USERS = `
select format('database %I uses it', datname) as user, false as here
from pg_shdepend
join pg_roles on pg_roles.oid = refobjid
join pg_database on pg_database.oid = dbid
where refclassid = 'pg_authid'::regclass
  and rolname = $1
  and datname <> current_database()
union
select format('database %I grants it something', datname), true
from pg_shdepend
join pg_roles on pg_roles.oid = refobjid
join pg_database on pg_database.oid = objid
where refclassid = 'pg_authid'::regclass
  and classid = 'pg_database'::regclass
  and rolname = $1
  and datname <> current_database()
union
select format('it owns %s', pg_describe_object(classid, objid, objsubid)), true
from pg_shdepend
join pg_roles on pg_roles.oid = refobjid
join pg_database on pg_database.oid = dbid
where refclassid = 'pg_authid'::regclass
  and rolname = $1
  and deptype = 'o'
  and datname = current_database()
union
select format('%I is a member of it', member.rolname), true
from pg_auth_members
join pg_roles as member on member.oid = pg_auth_members.member
join pg_roles as role on role.oid = roleid
where role.rolname = $1
  -- Memberships that the migration gave, or that creating a role gives.
  and member.rolname not in ('flex_sync_app', 'flex_sync_drainer', 'flex_sync_operator', 'service_role', current_user)
order by 1`;

/** Whether something in this database still names the role. Parameter: the role. */
const GRANTED_HERE = `
select
from pg_shdepend
join pg_roles on pg_roles.oid = refobjid
where refclassid = 'pg_authid'::regclass
  and rolname = $1
  and (dbid = (select oid from pg_database where datname = current_database()) or dbid = 0)
limit 1`;

/**
 * Drop each role that nobody else uses: no other database, no member, nothing it owns. Roles belong to the whole
 * server, so a second installation beside this one needs them.
 */
export async function dropRoles(
  client: DatabaseClient,
  roles: string[],
): Promise<{ removed: string[]; left: string[] }> {
  const removed: string[] = [];
  const left: string[] = [];
  for (const role of roles) {
    const others = (await client.query(OTHER_USERS, [role])).rows as { user: string; here: boolean }[];
    if (others.length > 0) left.push(`role ${role}: ${others.map(({ user }) => user).join(", ")}`);
    if (others.some(({ here }) => here)) continue;
    await client.query("savepoint before_role");
    try {
      // It owns nothing here, so this takes away what it was granted in this database and nothing else. Only a
      // member of the role or a superuser may, so it is not tried without need.
      if ((await client.query(GRANTED_HERE, [role])).rows.length > 0)
        await client.query(`drop owned by ${role}`);
      if (others.length > 0) continue;
      await client.query(`drop role ${role}`);
      removed.push(`role ${role}`);
    } catch (error) {
      await client.query("rollback to savepoint before_role");
      left.push(`role ${role}: an administrator may run: drop role ${role} (${(error as Error).message})`);
    }
  }
  return { removed, left };
}
